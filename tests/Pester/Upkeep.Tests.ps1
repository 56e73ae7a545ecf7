# The upkeep of single nodes, on a playground of its own: repair, restart, out of service.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    Import-Module $path
    $name = "pester$PID"
    $playground = New-PgPlayground $name
    $session = $playground | Connect-PgCluster

    function Wait-Calm {
        Wait-Until { @(Get-PgClusterNode | Where-Object State -NE 'Running').Count -eq 0 } 'all nodes to run' -BudgetSec 60
        Wait-Until { Test-PgFailover } 'a failover to be possible' -BudgetSec 60
    }

    function Get-ErrorOf {
        param([scriptblock] $Script)

        try { & $Script > $null } catch { return $_ }
        throw 'it did not fail'
    }

    function Get-Standby { (Get-PgClusterNode | Where-Object Role -EQ 'Standby' | Select-Object -First 1).Name }
}

AfterAll {
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'Repairing a node' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'leaves one alone that streams, and says so' {
        $node = Get-Standby
        $output = Repair-PgClusterNode $node -WarningVariable warnings -WarningAction SilentlyContinue
        $output | Should -BeNullOrEmpty
        $warnings | Should -Match "Node '$node' needs no repair: it streams from pg0\d"
        @(Get-PgClusterHistory | Where-Object Kind -EQ 'repair').Count | Should -Be 0
    }

    It 'shows what it would take and changes nothing' {
        $node = Get-Standby
        $plan = Get-PgClusterNode $node | Repair-PgClusterNode -Method Clone -WhatIf 3>$null
        $plan | Should -BeOfType PgCluster.RepairPlan
        $plan.Method | Should -Be 'Clone'
        $plan.Discards | Should -BeTrue
        $plan.CopyBytes | Should -BeGreaterThan 1MB
        $plan.Operation.Steps.Name | Should -Be 'lock', 'recheck', 'clone', 'stream'
        ($plan | Out-String) | Should -Match "(?m)^$node\s+Clone\s+pg0\d"
        @(Get-PgClusterHistory | Where-Object Kind -EQ 'repair').Count | Should -Be 0
    }

    It 'asks before it replaces a data directory, and fails where nobody can be asked' {
        $node = Get-Standby
        $text = Invoke-Fresh "Import-Module '$path'; try { Repair-PgClusterNode $node -Method Clone -ConfigFile '$($playground.ConfigFile)' 3>`$null } catch { `"refused: `$_`" }"
        $text | Should -Match '^refused: .*NonInteractive'
        @(Get-PgClusterHistory | Where-Object Kind -EQ 'repair').Count | Should -Be 0
    }

    It 'makes a new copy when it is told to' {
        $node = Get-Standby
        $report = Repair-PgClusterNode $node -Method Clone -Reason 'a bad disk' -Confirm:$false 3>$null
        $report | Should -BeOfType PgCluster.OperationReport
        $report.Outcome | Should -Be 'Succeeded'
        $report.Node | Should -Be $node
        ($report | Out-String) | Should -Match "Repair of $($node): Succeeded"
        Wait-Calm
        (Get-PgClusterHistory -First 1).Why | Should -Be 'a bad disk'
    }

    It 'refuses the leader and a name that nobody has' {
        (Get-ErrorOf { Repair-PgClusterNode (Get-PgCluster).Primary }).FullyQualifiedErrorId | Should -Be 'NodeNeeded,PgCluster.Commands.RepairPgClusterNodeCommand'
        (Get-ErrorOf { Repair-PgClusterNode pg99 }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.RepairPgClusterNodeCommand'
    }
}

Describe 'Restarting nodes' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'shows the order with -WhatIf and changes nothing' {
        $primary = (Get-PgCluster).Primary
        $steps = @(Get-PgClusterNode | Restart-PgClusterNode -WhatIf)
        $steps | Should -BeOfType PgCluster.PlanStep
        @($steps | Where-Object Name -EQ 'restart').Count | Should -Be 3
        ($steps | Where-Object Name -EQ 'restart' | Select-Object -Last 1).Node | Should -Be $primary
        @(Get-PgClusterHistory | Where-Object Kind -EQ 'restart').Count | Should -Be 0
    }

    It 'finds nothing to do where nothing waits' {
        Restart-PgClusterNode -PendingRestart | Should -BeNullOrEmpty
        (Get-PgClusterNode).PendingRestart | Should -Not -Contain $true
    }

    It 'restarts what waits for it, the primary in place' {
        $primary = (Get-PgCluster).Primary
        foreach ($node in Get-PgClusterNode) {
            $uri = "postgresql://postgres@$($node.Host):$($node.Port)/postgres"
            $null = psql -Xq -v ON_ERROR_STOP=1 $uri -c 'alter system set max_locks_per_transaction = 80' -c 'select pg_reload_conf()'
        }

        Wait-Until { @(Get-PgClusterNode | Where-Object PendingRestart).Count -eq 3 } 'every node to wait for a restart'
        (Get-PgClusterNode).PendingSettings | Sort-Object -Unique | Should -Be 'max_locks_per_transaction: 64 -> 80'
        (Get-PgClusterNode | Out-String) | Should -Match 'Running, restart pending'

        $report = Get-PgClusterNode | Where-Object PendingRestart | Restart-PgClusterNode -Reason 'more locks'
        $report.Outcome | Should -Be 'Succeeded'
        $report.Node.Split(',')[-1] | Should -Be $primary
        $report.PausedSeconds | Should -BeGreaterThan 0
        (Get-PgCluster).Primary | Should -Be $primary
        Wait-Calm
        (Get-PgClusterNode).PendingRestart | Should -Not -Contain $true
    }

    It 'says which name no node has' {
        (Get-ErrorOf { Restart-PgClusterNode pg99 -ErrorAction Stop }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.RestartPgClusterNodeCommand'
    }
}

Describe 'Taking a node out of service' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'shows what draining the primary would do' {
        $primary = (Get-PgCluster).Primary
        $steps = @(Suspend-PgClusterNode $primary 'a new kernel' -Drain -WhatIf 3>$null)
        $steps.Name | Should -Be 'lock', 'suspend', 'failover', 'drain'
        (Get-PgCluster).SuspendedNodes | Should -BeNullOrEmpty
    }

    It 'takes it out, everybody says so, and puts it back' {
        $node = Get-Standby
        $suspension = Suspend-PgClusterNode $node -Reason 'a new disk' -For 00:10:00 -Drain 3>$null
        $suspension | Should -BeOfType PgCluster.NodeSuspension
        $suspension.Sessions.Count | Should -Be 0
        ($suspension.Until - $suspension.Since).TotalMinutes | Should -Be 10
        (Get-PgClusterNode $node).Suspended | Should -Match '^suspended by .+: a new disk$'
        (Get-PgClusterNode $node | Out-String) | Should -Match 'Running, suspended'
        (Get-PgNodeHealth $node).Administrative | Should -Be 'Suspended'
        (Get-PgCluster).SuspendedNodes.Name | Should -Be $node
        ((Test-PgFailover -Detailed).Candidates | Where-Object Node -EQ $node).Reasons | Should -Match 'a new disk'
        ((Invoke-PgElection -WhatIf).Candidates | Where-Object Node -EQ $node).Reasons | Should -Match 'a new disk'
        (Get-PgSyncedNode).Name | Should -Not -Be $node

        ((Get-PgCluster).SuspendedNodes | Resume-PgClusterNode).Why | Should -Be 'a new disk'
        Resume-PgClusterNode $node | Should -BeNullOrEmpty
        (Get-PgCluster).SuspendedNodes | Should -BeNullOrEmpty
        (Get-PgClusterHistory -First 2).Kind | Should -Be 'resume-node', 'suspend-node'
    }

    It 'moves the primary away first' {
        $primary = (Get-PgCluster).Primary
        $suspension = Suspend-PgClusterNode $primary 'a new kernel' -Drain 3>$null
        $suspension.Sessions.Count | Should -Be 0
        (Get-PgCluster).Primary | Should -Not -Be $primary
        $null = Resume-PgClusterNode $primary
        Wait-Calm
    }

    It 'refuses a length that makes no sense, and a name that nobody has' {
        (Get-ErrorOf { Suspend-PgClusterNode (Get-Standby) 'x' -For 30 }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.SuspendPgClusterNodeCommand'
        (Get-ErrorOf { Suspend-PgClusterNode pg99 'x' }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.SuspendPgClusterNodeCommand'
        (Get-ErrorOf { Resume-PgClusterNode pg99 }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.ResumePgClusterNodeCommand'
    }
}
