"""The app: a page in the artist's browser or in a window of its own, served from this computer to this computer.

launch         one running app a person; the browser or the window
instance       how a second start finds the first
window         the app's own window
guard          who may ask: the loopback interface with this launch's token, and nobody else
server         the routes, put together
routes         what may be asked, and the answers, by subject
requests       what a request holds, or why it is refused
controller     all that the page may see and ask for, in one place; the parts below know nothing of it
state          the state as the page gets it, plain data
messages       errors and results as data; the page has the words
feed           news for the pages that are open
intake         taking pictures in
queue          which picture is next, and what becomes of the one at work
queue_folder   a picture in the queue, and the folder that outlives a power cut
worker         the one who glazes and audits, and gives way to those who wait for an answer
networks       the networks in use
priority_lock  who may use them
throughput     how fast they are
trials, trial  a spot of a picture, glazed within seconds
preferences    the settings that the artist chose, and the encoders that they stand for
checkpoints    encoders from the artist's own checkpoints
views, images  pictures as the page looks at them
results        results on their way to the artist
"""
