#!/usr/bin/env pwsh
#Requires -Version 7.6

<#
.SYNOPSIS
    Builds, tests, packs and demonstrates PgCluster.
.DESCRIPTION
    For machines that have PowerShell, the .NET 10 SDK and, for Test and Demo, the servers; ./build.sh makes a bare Debian or Ubuntu such a
    machine and then calls this. The tasks themselves are in build/.
.EXAMPLE
    ./build.ps1 -Task Pack

    Leaves an installable module in artifacts/module/PgCluster/<version>.
#>
[CmdletBinding()]
param(
    # Build: everything. Test: every suite. Demo: a cluster, and a failover under writers. Pack: the installable module. Clean: removes what was built.
    [ValidateSet('Build', 'Test', 'Demo', 'Pack', 'Clean')]
    [string] $Task = 'Build',

    # Demo ends with one JSON object on standard output; everything else goes to standard error.
    [switch] $Json
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location -LiteralPath $PSScriptRoot

if ($Task -eq 'Clean') {
    Remove-Item -LiteralPath artifacts -Recurse -Force -ErrorAction Ignore
    exit 0
}

if (-not (Get-Command -Name dotnet -CommandType Application -ErrorAction Ignore)) {
    [Console]::Error.WriteLine('build.ps1: the .NET 10 SDK is missing: there is no dotnet on the PATH.')
    exit 1
}

if ($Task -eq 'Test' -and -not (Get-Module -ListAvailable -Name Pester | Where-Object Version -GE '5.0')) {
    # Not every feed has it; the suite names itself as not run then.
    if (Get-Command -Name Install-PSResource -ErrorAction Ignore) {
        Install-PSResource -Name Pester -Version '[5.0,6.0)' -TrustRepository -Quiet -ErrorAction Ignore
    }
    elseif (Get-Command -Name Install-Module -ErrorAction Ignore) {
        Install-Module -Name Pester -MinimumVersion 5.0 -MaximumVersion 5.999 -Force -SkipPublisherCheck -ErrorAction Ignore
    }
}

$said = dotnet build build/Build.csproj -c Release -v quiet -nodeReuse:false
if ($LASTEXITCODE -ne 0) {
    $said | ForEach-Object { [Console]::Error.WriteLine($_) }
    exit $LASTEXITCODE
}

$command = @(
    'dotnet', [IO.Path]::Combine($PSScriptRoot, 'artifacts', 'bin', 'Build', 'release', 'pgcluster-build.dll')
    $Task.ToLowerInvariant(), '--pwsh', [Environment]::ProcessPath
    if ($Json) { '--json' }
)

if ($IsWindows) {
    $program, $arguments = $command
    & $program @arguments
    exit $LASTEXITCODE
}

# Becomes the other program, so that a signal meant for the task reaches the task.
Switch-Process -WithCommand $command
