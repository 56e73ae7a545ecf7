# Runs every example of the help as it is printed: on a playground named demo that is connected.

BeforeDiscovery {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $cases = foreach ($command in Get-Command -Module PgCluster | Sort-Object -Property Name) {
        foreach ($example in (Get-Help $command.Name).Examples.Example) {
            @{ Command = $command.Name; Title = $example.Title.Trim(' ', '-'); Code = $example.Code }
        }
    }
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    if (Get-PgPlayground demo*) {
        throw 'a playground named demo is on this machine already: remove it, or run these tests elsewhere'
    }

    $demo = New-PgPlayground demo

    # A cluster with a past, as the examples of the history expect it.
    $first = Connect-PgCluster $demo.ConfigFile
    Wait-Until { Test-PgFailover } 'the cluster to be ready'
    $null = Invoke-PgFailover -Reason 'something to remember' -Confirm:$false
    Disconnect-PgCluster -Connection $first
}

AfterAll {
    if ($demo) { Remove-PgPlayground demo -Confirm:$false -ErrorAction Ignore }
}

Describe 'The examples of <Command>' -Tag Cluster -ForEach $cases {
    BeforeAll {
        $connected = Connect-PgCluster $demo.ConfigFile
        Wait-Until { @(Get-PgClusterNode | Where-Object State -NE 'Running').Count -eq 0 -and (Test-PgFailover) } 'the cluster to be calm'
    }

    AfterAll {
        Disconnect-PgCluster -Connection $connected
        Get-PgPlayground try, short -ErrorAction Ignore | Remove-PgPlayground
    }

    It 'run: <Title>' {
        $failures = @()
        $output = & {
            $ErrorActionPreference = 'Continue'
            & ([scriptblock]::Create($code)) 2>&1 3>$null 6>$null
        }
        $failures = @($output | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $failures | Should -BeNullOrEmpty
        if ($command -notin 'Disconnect-PgCluster', 'Remove-PgPlayground' -and $code -notmatch '-WhatIf|-LeaseId|throw|Where-Object (State|Outcome|PointsTo|ElapsedSeconds)') {
            $output | Should -Not -BeNullOrEmpty
        }
    }
}
