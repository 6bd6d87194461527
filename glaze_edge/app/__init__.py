"""The app: a page in the artist's browser or in a window of its own, served from this computer to this computer.

launch        one running app a person; the browser or the window
guard         who may ask: the loopback interface with this launch's token, and nobody else
server        what may be asked, and the answers
studio        the pictures, the settings and the run, as the page shows them
worker        the one who glazes, and gives way to those who wait for an answer
queue_folder  a picture in the queue, and the folder that outlives a power cut
"""
