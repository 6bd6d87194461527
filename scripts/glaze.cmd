@echo off
rem Makes an environment, installs glaze-edge and runs it: scripts\glaze.cmd PICTURE
setlocal
where py >nul 2>nul && (
    py -3 "%~dp0glaze" %*
    exit /b
)
where python >nul 2>nul && (
    python "%~dp0glaze" %*
    exit /b
)
echo glaze-edge needs Python 3.11 or newer: https://www.python.org 1>&2
exit /b 1
