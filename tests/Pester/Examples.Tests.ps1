# Runs every example of the help as it is printed: on a playground named demo that is connected, and for switchovers with the URIs $old and $new.

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

    # Roles are adjusted where the list of synchronous standbys is the leader's.
    $demo = New-PgPlayground demo -Setting @{ 'synchronous.mode' = 'availability' }

    # A cluster with a past, as the examples of the history expect it.
    $first = Connect-PgCluster $demo.ConfigFile
    Wait-Until { Test-PgFailover } 'the cluster to be ready'
    $null = Invoke-PgFailover -Reason 'something to remember' -Confirm:$false
    Disconnect-PgCluster -Connection $first

    # The application's database as the source, and for each example an empty target beside it.
    function New-DatabasePair {
        $primary = (Get-PgClusterNode | Where-Object Role -EQ 'Primary')
        $server = "postgresql://postgres@$($primary.Host):$($primary.Port)"
        $script:targets++
        $null = psql -Xq -v ON_ERROR_STOP=1 "$server/postgres" -c "create database app_new$targets owner app"
        $null = psql -Xq -v ON_ERROR_STOP=1 "$server/app" -c 'set client_min_messages = error; create table if not exists orders (id int primary key); insert into orders values (1) on conflict do nothing'
        "$server/app", "$server/app_new$targets"
    }

    # Leads clients and application back, and leaves nothing of a switchover in the application's database.
    function Remove-DatabasePair {
        param([string] $Old, [string] $New)

        if ((Get-PgSwitchover $Old $New -ErrorAction Ignore).WayBack) {
            $null = Start-PgSwitchover $Old $New -Rollback -Wait -Confirm:$false -Limit @{ HelloWindow = 0.5 } 3>$null
        }

        $null = psql -Xq -v ON_ERROR_STOP=1 $Old -c 'set client_min_messages = error; drop schema pgcluster_switchover cascade'
    }
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

    BeforeEach {
        if ($command -like '*-PgSwitchover*') {
            $old, $new = New-DatabasePair
            $null = New-PgSwitchover $old $new -CopySchema -Stop ReadOnly
        }
    }

    AfterEach {
        if ($command -like '*-PgSwitchover*') {
            Remove-DatabasePair $old $new
        }
    }

    It 'run: <Title>' {
        $failures = @()
        $output = & {
            $ErrorActionPreference = 'Continue'
            & ([scriptblock]::Create($code)) 2>&1 3>$null 6>$null
        }
        $failures = @($output | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $failures | Should -BeNullOrEmpty
        if ($command -notin 'Disconnect-PgCluster', 'Remove-PgPlayground', 'Stop-PgSwitchover' -and $code -notmatch '-WhatIf|-LeaseId|throw|Where-Object (State|Outcome|PointsTo|ElapsedSeconds)') {
            $output | Should -Not -BeNullOrEmpty
        }
    }
}
