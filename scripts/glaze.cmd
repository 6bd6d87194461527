@echo off
rem Makes an environment, installs glaze-edge and runs it: scripts\glaze.cmd PICTURE
setlocal
where py >nul 2>nul && goto launcher
where python >nul 2>nul && goto python
echo glaze-edge needs Python 3.11 or newer: https://www.python.org 1>&2
exit /b 1

rem No parentheses around these: a picture called a(1).png would close them.
:launcher
py -3 "%~dp0glaze" %*
exit /b %errorlevel%

:python
python "%~dp0glaze" %*
exit /b %errorlevel%
