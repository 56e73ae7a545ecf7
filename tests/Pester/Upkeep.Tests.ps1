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
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
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
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
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

Describe 'What the cluster knows of a node' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'shows what would change and changes nothing' {
        $steps = @(Get-PgClusterNode | Set-PgClusterNode -Weight 10 -WhatIf)
        $steps | Should -BeOfType PgCluster.PlanStep
        $steps.Name | Should -Be 'set', 'agents', 'set', 'agents', 'set', 'agents'
        $steps[0].Description | Should -Be 'weight: 0 -> 10'
        (Get-PgClusterNode).Weight | Should -Not -Contain 10
    }

    It 'changes for the nodes that are piped in, and back' {
        $primary = (Get-PgCluster).Primary
        $nodes = @(Get-PgClusterNode | Where-Object Role -EQ 'Standby')
        $reports = @($nodes | Set-PgClusterNode -Weight 10 -FailureDomain 'zone9' -Reason 'more memory')
        $reports.Outcome | Should -Be 'Succeeded', 'Succeeded'
        $reports.Node | Should -Be $nodes.Name
        foreach ($node in Get-PgClusterNode $nodes.Name) {
            $node.Weight | Should -Be 10
            $node.FailureDomain | Should -Be 'zone9'
            $node.Overrides | Should -Contain 'weight: 0 -> 10'
        }

        $last = Get-PgClusterHistory -First 1
        $last.Kind | Should -Be 'set-node'
        $last.Why | Should -Match '^pg0\d: failure_domain: zone\d -> zone9, weight: 0 -> 10; more memory$'
        (Get-PgCluster).Primary | Should -Be $primary

        foreach ($node in $nodes) {
            $null = $node | Set-PgClusterNode -Weight $node.Weight -FailureDomain $node.FailureDomain
        }

        (Get-PgClusterNode).Overrides | Should -BeNullOrEmpty
    }

    It 'says when it is so already, and writes nothing' {
        $node = Get-PgClusterNode | Select-Object -First 1
        $before = (Get-PgClusterHistory -First 1).Id
        $output = $node | Set-PgClusterNode -Weight $node.Weight -WarningVariable warnings -WarningAction SilentlyContinue
        $output | Should -BeNullOrEmpty
        $warnings | Should -Match "Node '$($node.Name)' of cluster .* is so already"
        (Get-PgClusterHistory -First 1).Id | Should -Be $before
    }

    It 'names what is wrong' {
        (Get-ErrorOf { Set-PgClusterNode pg99 -Weight 1 }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.SetPgClusterNodeCommand'
        "$(Get-ErrorOf { Set-PgClusterNode (Get-Standby) })" | Should -Match 'nothing is given .* give a failure domain, a weight'
        (Get-ErrorOf { Set-PgClusterNode (Get-Standby) -Weight 3000000000 }).FullyQualifiedErrorId | Should -Match 'CannotConvert|ParameterArgumentTransformation|ParameterBinding'
    }

    It 'warns when a node that commits wait for must not lead' {
        $steps = Set-PgClusterNode (Get-Standby) -NoFailover $true -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue
        @($steps.Description)[0] | Should -Be 'no_failover: false -> true'
        "$warnings" | Should -Match 'NotWaitedFor: synchronous_standby_names of'
    }

    It 'has a command for each' {
        $agent = (Get-ChildItem (Join-Path (Split-Path (Get-PackedModule)) 'bin/agent') -Filter 'pgcluster*' | Where-Object { $_.Name -in 'pgcluster', 'pgcluster.dll' } | Select-Object -First 1).FullName
        $command = @(if ($agent -like '*.dll') { 'dotnet', $agent } else { $agent })

        # A process of its own is slow at its first questions on a busy machine.
        $said = & $command[0] @($command | Select-Object -Skip 1) node set (Get-Standby) --weight -5 --no-failover true --dry-run --etcd-timeout 8s --failover-health-check-timeout 8s --config-file $playground.ConfigFile
        $LASTEXITCODE | Should -Be 0 -Because "$said"
        "$said" | Should -Match 'SomebodyMayLead .*weight: 0 -> -5, no_failover: false -> true'
        $nodes = & $command[0] @($command | Select-Object -Skip 1) node wait --for ready --timeout 3m --json --config-file $playground.ConfigFile 2>$null | ConvertFrom-Json
        $LASTEXITCODE | Should -Be 0
        $nodes.name | Should -Be 'pg01', 'pg02', 'pg03'
    }
}

Describe 'Waiting for nodes' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'passes them on when they are ready' {
        $nodes = Wait-PgClusterNode
        $nodes | Should -BeOfType PgCluster.ClusterNode
        $nodes.Name | Should -Be 'pg01', 'pg02', 'pg03'
        (Get-PgClusterNode | Where-Object Role -EQ 'Standby' | Wait-PgClusterNode -Timeout 00:03:00).Role | Should -Be 'Standby', 'Standby'
        (Wait-PgClusterNode PG0[12]).Name | Should -Be 'pg01', 'pg02'
    }

    It 'says what a node lacks that is not ready, and can be stopped' {
        $node = Get-Standby
        $null = Suspend-PgClusterNode $node 'a new disk'
        try {
            (Wait-PgClusterNode $node -For InRole).Suspended | Should -Match 'a new disk'
            $failure = Get-ErrorOf { Wait-PgClusterNode $node -Timeout 00:00:15 }
            $failure.FullyQualifiedErrorId | Should -Be 'NodeNotReady,PgCluster.Commands.WaitPgClusterNodeCommand'
            "$failure" | Should -Match "^not ready within 15s: $($node): it is suspended by .*: a new disk"

            $shell = [powershell]::Create()
            [void]$shell.AddScript('param($path, $session, $node) Import-Module $path; Wait-PgClusterNode $node -Connection $session -Timeout 01:00:00').AddParameters(@{ path = $path; session = $session; node = $node })
            [void]$shell.BeginInvoke()
            Wait-Until { @($shell.Streams.Progress | Where-Object CurrentOperation -Match 'a new disk').Count -gt 0 } 'the progress to say what is missing' -BudgetSec 60
            $shell.Stop()
            $shell.InvocationStateInfo.State | Should -Be 'Stopped'
            $shell.Dispose()
        }
        finally {
            $null = Resume-PgClusterNode $node
        }

        (Wait-PgClusterNode $node).Suspended | Should -BeNullOrEmpty
    }

    It 'refuses a time that makes no sense, and a name that nobody has' {
        (Get-ErrorOf { Wait-PgClusterNode -Timeout 30 }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.WaitPgClusterNodeCommand'
        (Get-ErrorOf { Wait-PgClusterNode pg99 }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.WaitPgClusterNodeCommand'
    }
}
