# A runbook on a cluster that Pacemaker holds together: the same cmdlets. As root, where Pacemaker and Corosync are installed.

BeforeDiscovery {
    $possible = $IsLinux -and (id -u) -eq 0 -and @('crm_resource', 'corosync', 'pacemakerd' | Where-Object { -not (Get-Command $_ -CommandType Application -ErrorAction Ignore) }).Count -eq 0
}

Describe 'A cluster under Pacemaker' -Tag Cluster -Skip:(-not $possible) {
    BeforeAll {
        . (Join-Path $PSScriptRoot 'Common.ps1')
        $path = Get-PackedModule
        Import-Module $path
        $name = "pcmk$PID"
        $playground = New-PgPlayground $name -Manager Pacemaker
        $session = $playground | Connect-PgCluster

        function Wait-Calm {
            Wait-Until { @(Get-PgClusterNode | Where-Object State -NE 'Running').Count -eq 0 } 'all nodes to run' -BudgetSec 240
            Wait-Until { Test-PgFailover } 'a failover to be possible' -BudgetSec 240
        }

        Wait-Calm
    }

    AfterAll {
        if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
    }

    It 'shows its nodes as Pacemaker has them' {
        $nodes = Get-PgClusterNode
        @($nodes | Where-Object Role -EQ 'Primary').Count | Should -Be 1
        @($nodes | Where-Object SyncState -EQ 'Sync').Count | Should -Be 1
        (Watch-PgPrimary | Select-Object -First 1).Primary | Should -Be ($nodes | Where-Object Role -EQ 'Primary').Name
    }

    It 'shows with -WhatIf what Pacemaker itself would do, and changes nothing' {
        $primary = (Get-PgCluster).Primary
        $plan = Test-PgFailover -Detailed
        $plan.Steps.Name | Should -Contain 'move'
        ($plan.Checks | Where-Object Name -EQ 'PacemakerWouldDo').Evidence | Should -Match "$($plan.To)"
        $text = Invoke-Fresh "Import-Module '$path'; Invoke-PgFailover -WhatIf -ConfigFile '$($playground.ConfigFile)' | Out-Null"
        $text | Should -Match "What if: Move the primary of cluster '$name' from $primary to $($plan.To) .*Pacemaker would do: "
        (Get-PgCluster).Primary | Should -Be $primary
        @(Get-PgClusterHistory).Count | Should -Be 0
    }

    It 'moves its primary to the synchronous standby, and no client notices' {
        $old = (Get-PgCluster).Primary
        $next = (Get-PgClusterNode | Where-Object SyncState -EQ 'Sync').Name
        $report, $gap = Measure-PgWriteGap -Writers 4 -PassThru { Invoke-PgFailover -Reason 'a kernel update' -Confirm:$false }
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $report.OldPrimary, $report.NewPrimary | Should -Be $old, $next
        $gap.Errors | Should -BeNullOrEmpty
        $gap.LostCommits + $gap.DoubledCommits | Should -Be 0
        (Get-PgClusterHistory -First 1).Why | Should -Be 'a kernel update'
        Wait-Calm
        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
    }

    It 'is left alone by Pacemaker while it is suspended' {
        $null = Suspend-PgCluster 00:10:00 'a new disk'
        Wait-Until { -not (Test-PgFailover) } 'Pacemaker to be in maintenance mode' -BudgetSec 60
        (Test-PgFailover -Detailed).Checks | Where-Object Name -EQ 'NotInMaintenance' | ForEach-Object Status | Should -Be 'Failed'
        (Resume-PgCluster).Why | Should -Be 'a new disk'
        Wait-Calm
    }

    It 'says of what would go behind its back that it is not supported' {
        (Get-ErrorOf { Restart-PgClusterNode pg01 -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'NotSupportedHere,PgCluster.Commands.RestartPgClusterNodeCommand'
        (Get-ErrorOf { Invoke-PgElection -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'NotSupportedHere,PgCluster.Commands.InvokePgElectionCommand'
    }

    It 'goes without a trace' {
        Remove-PgPlayground $name -Confirm:$false
        Get-PgPlayground | Where-Object Name -EQ $name | Should -BeNullOrEmpty
    }
}
