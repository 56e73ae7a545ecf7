#!/usr/bin/env pwsh
#Requires -Version 7.6

<#
.SYNOPSIS
    A three-node cluster on this machine, sixteen writers, and a failover that none of them notices.
.DESCRIPTION
    A runbook as an operator would write it: the failover is rehearsed, run under load, judged by what clients saw, and confirmed by the state of
    the nodes afterwards. Whatever happens, the playground is taken away again.
.EXAMPLE
    ./examples/demo.ps1

    With the module installed.
.EXAMPLE
    ./examples/demo.ps1 -Module ./artifacts/module/PgCluster/0.1.0/PgCluster.psd1

    With a module that was just packed by build.ps1 -Task Pack.
#>
[CmdletBinding()]
param(
    # The module's name, or the path of its manifest.
    [string] $Module = 'PgCluster',

    [ValidateRange(1, 1000)]
    [int] $Writers = 16,

    # End with one JSON object on standard output; everything else goes to standard error.
    [switch] $Json
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module -Name $Module

function Show {
    param([Parameter(ValueFromPipeline)] $Object)

    begin { $all = @() }
    process { $all += $Object }
    end {
        $text = ($all | Out-String -Width 160).TrimEnd()
        if ($Json) { [Console]::Error.WriteLine($text) } else { $text }
    }
}

$playground = "demo-$PID"
$failed = $false
try {
    $cluster = New-PgPlayground -Name $playground
    Connect-PgCluster -ConfigFile $cluster.ConfigFile | Out-Null
    Get-PgClusterNode | Show

    'What a failover would do, and whether it may:' | Show
    Invoke-PgFailover -WhatIf | Show

    "The same, under $Writers writers:" | Show
    $report, $gap = Measure-PgWriteGap -Writers $Writers -PassThru -ScriptBlock {
        Invoke-PgFailover -Reason 'demo' -Confirm:$false
    }

    $report.Steps | Show
    $gap | Show
    Get-PgClusterNode | Show

    $failed = $report.Outcome -ne 'Succeeded' -or $gap.ClientErrors + $gap.LostCommits + $gap.DoubledCommits -gt 0
    if ($Json) {
        [ordered]@{
            client_errors   = $gap.ClientErrors
            lost_commits    = $gap.LostCommits
            doubled_commits = $gap.DoubledCommits
            write_gap_ms    = $gap.WriteGapMs
            steps           = @(
                foreach ($step in $report.Steps) {
                    [ordered]@{
                        name       = $step.Name
                        node       = $step.Node
                        elapsed_ms = $step.ElapsedSeconds * 1000
                        succeeded  = $step.Succeeded
                        detail     = $step.Detail
                    }
                }
            )
            ran_in          = "pwsh"
        } | ConvertTo-Json -Depth 4 -Compress
    }
}
finally {
    # Ctrl+C comes here too.
    Get-PgPlayground | Where-Object Name -EQ $playground | Remove-PgPlayground -Confirm:$false
}

exit [int]$failed
