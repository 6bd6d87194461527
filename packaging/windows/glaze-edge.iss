; The installer for Windows, made by Inno Setup 6: packaging\build.py gives it the version and where to write.

#ifndef Version
  #error Give the version: /DVersion=1.2.3
#endif

[Setup]
AppId={{8C1D6A52-3E0B-4B7E-9B44-5E2F6A0D71C9}
AppName=glaze-edge
AppVersion={#Version}
AppPublisher=The glaze-edge authors
VersionInfoVersion={#Version}
DefaultDirName={autopf}\glaze-edge
DefaultGroupName=glaze-edge
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0
LicenseFile=..\..\LICENSE
SetupIconFile=..\icon.ico
UninstallDisplayIcon={app}\glaze-edge-app.exe
UninstallDisplayName=glaze-edge
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
ChangesAssociations=yes
CloseApplications=yes

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"
Name: "es"; MessagesFile: "compiler:Languages\Spanish.isl"

[CustomMessages]
en.Glaze=Glaze with glaze-edge
de.Glaze=Mit glaze-edge schützen
es.Glaze=Proteger con glaze-edge
en.Menu=Offer “Glaze with glaze-edge” for pictures in the file manager
de.Menu=Für Bilder im Explorer „Mit glaze-edge schützen“ anbieten
es.Menu=Ofrecer «Proteger con glaze-edge» para las imágenes en el explorador

[Tasks]
Name: "menu"; Description: "{cm:Menu}"
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[InstallDelete]
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "..\..\dist\glaze-edge\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{autoprograms}\glaze-edge"; Filename: "{app}\glaze-edge-app.exe"
Name: "{autodesktop}\glaze-edge"; Filename: "{app}\glaze-edge-app.exe"; Tasks: desktopicon

[Registry]
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.png\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.png\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpg\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpg\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpeg\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpeg\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpe\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jpe\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jfif\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.jfif\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.webp\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.webp\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.tif\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.tif\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.tiff\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.tiff\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.avif\shell\glaze-edge"; ValueType: string; ValueData: "{cm:Glaze}"; Flags: uninsdeletekey; Tasks: menu
Root: HKA; Subkey: "Software\Classes\SystemFileAssociations\.avif\shell\glaze-edge\command"; ValueType: string; ValueData: """{app}\glaze-edge-app.exe"" ""%1"""; Tasks: menu

[Run]
Filename: "{app}\glaze-edge-app.exe"; Description: "{cm:LaunchProgram,glaze-edge}"; Flags: nowait postinstall skipifsilent
