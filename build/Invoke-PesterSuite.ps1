<#
.SYNOPSIS
    Runs the Pester suite against the packed module and writes what happened as JSON. Exit code 44 when there is no Pester 5.
#>
[CmdletBinding()]
param(
    # Folder with the *.Tests.ps1 files.
    [Parameter(Mandatory)] [string] $Path,

    # Folder that holds the packed PgCluster; goes in front of PSModulePath, so that `Import-Module PgCluster` means that one.
    [Parameter(Mandatory)] [string] $ModulePath,

    # File to write the counts to.
    [Parameter(Mandatory)] [string] $Report
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$pester = Get-Module -ListAvailable -Name Pester | Where-Object Version -GE '5.0' | Sort-Object -Property Version -Descending | Select-Object -First 1
if (-not $pester) {
    exit 44
}

Import-Module $pester
$env:PSModulePath = $ModulePath + [IO.Path]::PathSeparator + $env:PSModulePath

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$configuration.Output.RenderMode = 'Plaintext'
$result = Invoke-Pester -Configuration $configuration

# A file or block that broke outside of a test counts as a failure: none of its tests ran.
$broken = @($result.FailedContainers) + @($result.FailedBlocks)
@{
    Passed   = $result.PassedCount
    Failed   = $result.FailedCount + $broken.Count
    Skipped  = $result.SkippedCount + $result.InconclusiveCount
    Failures = @($result.Failed | ForEach-Object { (@($_.ExpandedPath) + $_.ErrorRecord) -join "`n" -replace '\r?\n', "`n    " }) + @($broken | ForEach-Object { "$_" })
    NotRun   = @($result.Skipped | ForEach-Object ExpandedPath)
} | ConvertTo-Json | Set-Content -Path $Report

exit [int]($result.Result -ne 'Passed')
