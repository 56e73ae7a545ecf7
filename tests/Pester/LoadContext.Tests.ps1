BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    $deps = [IO.Path]::Combine([IO.Path]::GetDirectoryName($path), 'bin', 'deps')
}

Describe 'The load context of the module' {
    It 'loads nothing but cmdlets and model on import, and no more than it needs afterwards' {
        $lines = (Invoke-Fresh @"
Import-Module '$path'
([AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -like 'PgCluster*' } | ForEach-Object { `$_.GetName().Name } | Sort-Object) -join ','
`$null = New-PgClusterConfig
`$private = [Runtime.Loader.AssemblyLoadContext]::All | Where-Object Name -eq PgCluster
(`$private.Assemblies | ForEach-Object { `$_.GetName().Name } | Sort-Object) -join ','
([Runtime.Loader.AssemblyLoadContext]::Default.Assemblies | ForEach-Object { `$_.GetName().Name } | Where-Object { `$_ -match '^(PgCluster|Npgsql|Google|Microsoft\.Extensions)' } | Sort-Object) -join ','
"@) -split "`r?`n"
        $lines[0] | Should -Be 'PgCluster.Cmdlets,PgCluster.Model'
        $lines[1] | Should -Match 'PgCluster.Client'
        $lines[1] | Should -Not -Match 'PgCluster.(Model|Cmdlets)'
        $lines[2] | Should -Be 'PgCluster.Cmdlets,PgCluster.Model'
    }

    It 'survives Import-Module -Force, and removing and importing again' {
        Invoke-Fresh @"
`$PSModuleAutoLoadingPreference = 'None'
Import-Module Microsoft.PowerShell.Utility, Microsoft.PowerShell.Management, '$path'
`$first = New-PgClusterConfig again
Import-Module '$path' -Force
`$second = New-PgClusterConfig again
Remove-Module PgCluster
if (Get-Command New-PgClusterConfig -ErrorAction Ignore) { throw 'still there' }
Import-Module '$path'
`$third = New-PgClusterConfig again
"`$(`$first -eq `$second) `$(`$second -eq `$third) `$(@([Runtime.Loader.AssemblyLoadContext]::All | Where-Object Name -eq PgCluster).Count)"
"@ | Should -Be 'True True 1'
    }

    It 'hooks in on import, and out when the last runspace removes it' {
        Invoke-Fresh @"
`$field = [Runtime.Loader.AssemblyLoadContext].GetField('_resolving', 'NonPublic,Instance')
function Count { @(`$field.GetValue([Runtime.Loader.AssemblyLoadContext]::Default)?.GetInvocationList() | Where-Object { `$_.Method.DeclaringType.FullName -like 'PgCluster*' }).Count }
`$counts = @(Count)
Import-Module '$path'
`$counts += Count
`$other = [powershell]::Create()
[void]`$other.AddCommand('Import-Module').AddArgument('$path').Invoke()
`$counts += Count
Remove-Module PgCluster
`$counts += Count
`$other.Commands.Clear()
[void]`$other.AddCommand('Remove-Module').AddArgument('PgCluster').Invoke()
`$counts += Count
`$counts -join ' '
"@ | Should -Be '0 1 1 1 0'
    }

    It 'answers for nobody else' {
        # Somebody else's request for an assembly that we have as well must fail as it would without us.
        Invoke-Fresh @"
Import-Module '$path'
`$null = New-PgClusterConfig
foreach (`$name in 'Npgsql', 'Google.Protobuf', 'PgCluster.Engine') {
    try { [void][Reflection.Assembly]::Load(`$name); "`$name was handed out" } catch { "`$name refused" }
}
"@ | Should -Be ('Npgsql refused', 'Google.Protobuf refused', 'PgCluster.Engine refused' -join [Environment]::NewLine)
    }

    It 'runs its own Npgsql beside one that was loaded first' {
        $copy = Join-Path $TestDrive 'Npgsql.dll'
        Copy-Item -Path (Join-Path $deps 'Npgsql.dll') -Destination $copy
        Copy-Item -Path (Join-Path $deps 'Microsoft.Extensions.*.dll') -Destination $TestDrive
        $text = Invoke-Fresh @"
`$theirs = [Reflection.Assembly]::LoadFrom('$copy')
Import-Module '$path'
try { Measure-PgWriteGap { } -Uri 'postgresql://nobody@127.0.0.1:1/none' } catch { `$_.FullyQualifiedErrorId.Split(',')[0] }
`$all = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -eq 'Npgsql' }
@(`$all).Count
(`$all | ForEach-Object { [Runtime.Loader.AssemblyLoadContext]::GetLoadContext(`$_).Name } | Sort-Object) -join ','
`$theirs.GetType('Npgsql.NpgsqlConnection', `$true)::new().State
"@
        $text -split "`r?`n" | Should -Be 'PostgresUnavailable', '2', 'Default,PgCluster', 'Closed'
    }
}
