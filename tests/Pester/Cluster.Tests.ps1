# On a real cluster: a playground of its own.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    Import-Module $path
    $name = "pester$PID"
    $playground = New-PgPlayground $name
    $session = $playground | Connect-PgCluster

    # Everything runs, streams and serves, as it has to be before the next failover.
    function Wait-Calm {
        Wait-Until { @(Get-PgClusterNode -Connection $session | Where-Object State -NE 'Running').Count -eq 0 } 'all nodes to run'
        Wait-Until { @(Get-PgPooler -Connection $session | Where-Object State -NE 'Active').Count -eq 0 } 'all poolers to serve'
        Wait-Until { Test-PgFailover -Connection $session } 'a failover to be possible'
    }

    function Get-Primary { (Get-PgCluster -Connection $session).Primary }

    # A client with a transaction open, on the applications' route.
    function Start-Transaction {
        $start = [Diagnostics.ProcessStartInfo]::new('psql')
        '-X', '-q', '-v', 'ON_ERROR_STOP=1', $playground.ClientUri | ForEach-Object { $start.ArgumentList.Add($_) }
        $start.RedirectStandardInput = $true
        $start.RedirectStandardOutput = $true
        $start.RedirectStandardError = $true
        $client = [Diagnostics.Process]::Start($start)
        $client.StandardInput.WriteLine('begin; select txid_current();')
        $client.StandardInput.Flush()
        [void]$client.StandardOutput.ReadLine()
        $client
    }

    function Stop-Transaction {
        param([Diagnostics.Process] $Client)

        if (-not $Client.HasExited) { $Client.Kill() }
        $Client.Dispose()
    }
}

AfterAll {
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'A playground' -Tag Cluster {
    It 'says where everything is' {
        $playground | Should -BeOfType PgCluster.PlaygroundInfo
        $playground.Running | Should -BeTrue
        $playground.ConfigFile | Should -Exist
        $playground.Servers.Count | Should -Be 3
        $playground.Poolers.Name | Should -Contain 'app'
        foreach ($process in $playground.Processes) {
            Get-Process -Id $process.Pid | Should -Not -BeNullOrEmpty
        }
    }

    It 'is in the list, by name and by wildcard' {
        (Get-PgPlayground $name).ClientUri | Should -Be $playground.ClientUri
        (Get-PgPlayground "$($name.Substring(0, 6))*").Name | Should -Contain $name
        Get-Completion "Remove-PgPlayground $($name.Substring(0, 6))" | Should -Contain $name
    }

    It 'refuses a second one of the same name' {
        (Get-ErrorOf { New-PgPlayground $name }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.NewPgPlaygroundCommand'
    }

    It 'makes nothing with -WhatIf' {
        New-PgPlayground "${name}x" -WhatIf | Should -BeNullOrEmpty
        Get-PgPlayground "${name}x*" | Should -BeNullOrEmpty
    }
}

Describe 'A cluster' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'shows its nodes' {
        $nodes = Get-PgClusterNode
        $nodes.Name | Should -Be 'pg01', 'pg02', 'pg03'
        @($nodes | Where-Object Role -EQ 'Primary').Count | Should -Be 1
        @($nodes | Where-Object SyncState -In 'Sync', 'Quorum').Count | Should -BeGreaterOrEqual 1
        $nodes.State | Should -Be 'Running', 'Running', 'Running'
        ($nodes | ForEach-Object { $_.Cluster } | Sort-Object -Unique) | Should -Be $name
        (Get-PgClusterNode pg0[23]).Name | Should -Be 'pg02', 'pg03'
        ($nodes[1] | Get-PgClusterNode).Name | Should -Be 'pg02'
    }

    It 'shows itself at a glance' {
        $cluster = Get-PgCluster
        $cluster.Name | Should -Be $name
        $cluster.Primary | Should -BeIn 'pg01', 'pg02', 'pg03'
        $cluster.Nodes | Should -Be 3
        $cluster.NodesRunning | Should -Be 3
        $cluster.Quorum | Should -BeTrue
        $cluster.LockHolder | Should -BeNullOrEmpty
        ($playground | Get-PgCluster).Primary | Should -Be $cluster.Primary
        @(Get-PgCluster | Get-PgClusterNode).Count | Should -Be 3
    }

    It 'shows its poolers, all leading to the primary' {
        $poolers = Get-PgPooler
        $poolers.Name | Should -Contain 'app'
        $poolers.State | Sort-Object -Unique | Should -Be 'Active'
        $primary = Get-PgClusterNode (Get-Primary)
        $poolers.PointsTo | Sort-Object -Unique | Should -Be "$($primary.Host):$($primary.Port)"
    }

    It 'shows the health of its nodes in three views' {
        Wait-Until { @(Get-PgNodeHealth | Where-Object Consensus -NE 'Healthy').Count -eq 0 } 'all nodes to be healthy by consensus'
        $nodes = Get-PgNodeHealth
        $nodes | ForEach-Object { $_ | Should -BeOfType PgCluster.NodeHealth }
        $nodes.Name | Should -Be 'pg01', 'pg02', 'pg03'
        $nodes.Local | Should -Be 'Healthy', 'Healthy', 'Healthy'
        $nodes.Administrative | Should -Be 'Normal', 'Normal', 'Normal'
        $nodes[0].Voters | Should -Be 3
        $nodes[0].Needed | Should -Be 2
        $nodes[0].HealthyVotes | Should -Be 3
        $nodes[0].Votes.Observer | Should -Be 'pg01', 'pg02', 'pg03'
        $nodes[0].Votes | ForEach-Object { $_.SuccessAgeSeconds | Should -BeLessThan 10 }
        (Get-PgNodeHealth pg0[23]).Name | Should -Be 'pg02', 'pg03'
        (Get-PgClusterNode pg02 | Get-PgNodeHealth).Name | Should -Be 'pg02'
        ($nodes | Out-String) | Should -Match '(?m)^pg01\s+Healthy\s+Healthy\s+3/3, 2 needed\s+Normal'
        (Get-ErrorOf { Get-PgNodeHealth nobody -ErrorAction Stop }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.GetPgNodeHealthCommand'
    }

    It 'shows who votes on that' {
        $quorum = Get-PgQuorum
        $quorum | Should -BeOfType PgCluster.QuorumStatus
        $quorum.HasQuorum | Should -BeTrue
        $quorum.Rule | Should -Be 'StrictMajority'
        $quorum.Voters | Should -Be 'pg01', 'pg02', 'pg03'
        $quorum.Missing | Should -BeNullOrEmpty
        $quorum.Needed | Should -Be 2
        $quorum.Observers.SeesHealthy | Should -Contain 'pg03'
        ($playground | Get-PgQuorum).Needed | Should -Be 2
    }

    It 'shows who would take over' {
        $primary = Get-Primary
        $outlook = Invoke-PgElection -WhatIf 6> $null
        $outlook | Should -BeOfType PgCluster.ElectionOutlook
        $outlook.Leader | Should -Be $primary
        $outlook.Winner | Should -Not -Be $primary
        $outlook.Vouched | Should -BeTrue
        $outlook.Candidates.Count | Should -Be 3
        ($outlook.Candidates | Where-Object Node -eq $primary).Reasons | Should -Match 'it leads now'
        (Get-ErrorOf { Invoke-PgElection -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'PlanStale,PgCluster.Commands.InvokePgElectionCommand'
        Get-Primary | Should -Be $primary
    }

    It 'leaves the roles to the operator while the list of synchronous standbys is' {
        $failure = Get-ErrorOf { Invoke-PgRoleAdjustment -WhatIf }
        $failure.FullyQualifiedErrorId | Should -Be 'InvalidConfiguration,PgCluster.Commands.InvokePgRoleAdjustmentCommand'
        "$failure" | Should -Match '^synchronous\.mode is manual'
    }

    It 'is suspended and resumed' {
        Suspend-PgCluster 00:10:00 'Pester' -WhatIf
        (Get-PgCluster).Suspension | Should -BeNullOrEmpty
        $suspension = Suspend-PgCluster 00:10:00 'Pester'
        $suspension | Should -BeOfType PgCluster.ClusterSuspension
        ($suspension.Until - $suspension.Since).TotalMinutes | Should -Be 10
        (Get-PgCluster).Suspension.Why | Should -Be 'Pester'
        (Invoke-PgElection -WhatIf).Suspended | Should -BeTrue
        (Resume-PgCluster).Why | Should -Be 'Pester'
        Resume-PgCluster | Should -BeNullOrEmpty
        (Get-PgClusterHistory -First 2).Kind | Should -Be 'resume', 'suspend'
        (Get-ErrorOf { Suspend-PgCluster 30.00:00:00 'too long' }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.SuspendPgClusterCommand'
    }

    It 'says which losses every acknowledged commit outlives' {
        $summary = Get-PgCluster
        $summary.SynchronousMode | Should -Be 'Manual'
        ($summary | Format-Table | Out-String) | Should -Match 'Manual: pg0'
        $primary = Get-Primary
        $verdicts = Test-PgDurability
        $verdicts | Should -BeOfType PgCluster.DurabilityVerdict
        $verdicts.Lost | Should -Be 'pg01', 'pg02', 'pg03'
        $verdicts.Survives | Should -Be $true, $true, $true
        ($verdicts | Where-Object Lost -eq $primary).R | Should -Be 2
        ($verdicts | Where-Object Lost -ne $primary).Primary | Should -Be $primary, $primary
        $zones = Test-PgDurability -Survive Zone
        $zones.Lost | Should -Be 'zone1', 'zone2', 'zone3'
        ($zones | Format-Table -Property * | Out-String) | Should -Not -BeNullOrEmpty
        ($playground | Test-PgDurability -Survive Zone).Survives | Should -Not -Contain $false
    }

    It 'finds a node to read from' {
        $primary = Get-Primary
        $node = Get-PgSyncedNode
        $node | Should -BeOfType PgCluster.SyncedNode
        $node.Role | Should -Be 'Standby'
        $node.Name | Should -Not -Be $primary
        $node.Considered.Node | Should -Be 'pg01', 'pg02', 'pg03'
        (Get-PgSyncedNode -MaxLagBytes 1GB -MaxLagSec 3600 -PastLsn '0/1').Role | Should -Be 'Standby'
        (Get-PgSyncedNode -ForcePrimary).Name | Should -Be $primary
        $failure = Get-ErrorOf { Get-PgSyncedNode -PastLsn 'FFFFFFFF/0' }
        $failure.FullyQualifiedErrorId | Should -Be 'NoSuitableNode,PgCluster.Commands.GetPgSyncedNodeCommand'
        $failure.Exception.Message | Should -Match "$($node.Name) has replayed [0-9A-F]+/[0-9A-F]+, not FFFFFFFF/0"
        $failure.ErrorDetails.RecommendedAction | Should -Match 'ForcePrimary'
    }

    It 'gives flat JSON' {
        $json = Get-PgClusterNode | ConvertTo-Json -EnumsAsStrings | ConvertFrom-Json
        $json[1].Lsn | Should -Match '^[0-9A-F]+/[0-9A-F]+$'
        foreach ($property in $json[1].PSObject.Properties) {
            $property.Value -is [Management.Automation.PSCustomObject] | Should -BeFalse -Because "$($property.Name) is a scalar"
        }
    }

    It 'can be asked from jobs and from other runspaces' {
        $threads = 1..3 | ForEach-Object -Parallel { Import-Module $using:path; (Get-PgCluster -Connection $using:session).Primary }
        $threads | Sort-Object -Unique | Should -Be (Get-Primary)
        $job = 1 | ForEach-Object -Parallel { Import-Module $using:path; Get-PgClusterNode -Connection $using:session } -AsJob
        @($job | Receive-Job -Wait -AutoRemoveJob).Count | Should -Be 3
        $copies = Start-Job { Import-Module $using:path; Get-PgClusterNode -ConfigFile $using:playground.ConfigFile } | Receive-Job -Wait -AutoRemoveJob
        $copies[0].PSObject.TypeNames[0] | Should -Be 'Deserialized.PgCluster.ClusterNode'
        ($copies | Get-PgClusterNode).Name | Should -Be 'pg01', 'pg02', 'pg03'
    }
}

Describe 'Asking for a failover' -Tag Cluster {
    BeforeAll { Wait-Calm }

    It 'says whether it may run' {
        Test-PgFailover | Should -BeTrue
        Test-PgFailover -Target (Get-Primary) | Should -BeFalse
        $plan = Test-PgFailover -Detailed
        $plan | Should -BeOfType PgCluster.OperationPlan
        $plan.Steps.Count | Should -BeGreaterThan 5
        $plan.Candidates.Count | Should -Be 3
        @($plan.Candidates | Where-Object Eligible).Count | Should -BeGreaterOrEqual 1
        ($plan | Out-String) | Should -Match 'Failover of'
    }

    It 'shows the steps with -WhatIf and changes nothing' {
        $before = Get-PgCluster
        $revision = (Watch-PgPrimary | Select-Object -First 1).Revision
        $history = @(Get-PgClusterHistory).Count
        $steps = Invoke-PgFailover -WhatIf
        $steps.Count | Should -BeGreaterThan 5
        $steps | Should -BeOfType PgCluster.PlanStep
        @($steps | Where-Object PointOfNoReturn).Count | Should -BeGreaterOrEqual 1
        $after = Get-PgCluster
        $after.Primary | Should -Be $before.Primary
        $after.Timeline | Should -Be $before.Timeline
        (Watch-PgPrimary | Select-Object -First 1).Revision | Should -Be $revision
        @(Get-PgClusterHistory).Count | Should -Be $history
        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
    }

    It 'says what it would do' {
        $text = Invoke-Fresh "Import-Module '$path'; Invoke-PgFailover -WhatIf -ConfigFile '$($playground.ConfigFile)' | Out-Null"
        $text | Should -Match "What if: Move the primary of cluster '$name' from pg0\d to pg0\d .*point of no return at step \d+ \(\w+\)"
    }

    It 'is not done without an answer where nobody can be asked, -Force or not' {
        $before = Get-PgCluster
        $failure = Get-ErrorOf { Invoke-PgFailover }
        $failure.FullyQualifiedErrorId | Should -Not -Match '^Internal'
        $null = Get-ErrorOf { Invoke-PgFailover -Force -AllowDataLoss }
        $after = Get-PgCluster
        $after.Primary | Should -Be $before.Primary
        $after.Timeline | Should -Be $before.Timeline
    }

    It 'is refused with the id of its reason' {
        $history = @(Get-PgClusterHistory).Count
        (Get-ErrorOf { Invoke-PgFailover -Target (Get-Primary) -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'TargetNotEligible,PgCluster.Commands.InvokePgFailoverCommand'
        (Get-ErrorOf { Invoke-PgFailover -Target nobody -Confirm:$false }).FullyQualifiedErrorId | Should -Match '^(NodeNotFound|TargetNotEligible),PgCluster.Commands.InvokePgFailoverCommand$'
        @(Get-PgClusterHistory).Count | Should -Be $history
    }
}

Describe 'A failover' -Tag Cluster {
    BeforeEach { Wait-Calm }

    It 'is not noticed by clients' {
        $old = Get-Primary
        $gap = Measure-PgWriteGap { Invoke-PgFailover -Confirm:$false }
        $gap | Should -BeOfType PgCluster.WriteGapReport
        $gap.Commits | Should -BeGreaterThan 0
        $gap.Errors | Should -BeNullOrEmpty
        $gap.ClientErrors | Should -Be 0
        $gap.LostCommits | Should -Be 0
        $gap.DoubledCommits | Should -Be 0
        $gap.Reconnects | Should -Be 0
        $gap.WriteGapMs | Should -BeGreaterThan 0
        Get-Primary | Should -Not -Be $old
    }

    It 'returns its report, with the gap when it was measured' {
        $target = (Test-PgFailover -Detailed).Candidates | Where-Object Rank -EQ 1
        $report, $gap = Measure-PgWriteGap -Writers 2 -PassThru { $target | Invoke-PgFailover -Reason 'a test' -Confirm:$false }
        $report | Should -BeOfType PgCluster.OperationReport
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $report.NewPrimary | Should -Be $target.Node
        $report.Why | Should -Be 'a test'
        $report.PausedSeconds | Should -BeGreaterThan 0
        $report.WriteGapSeconds | Should -Be ($gap.WriteGapMs / 1000)
        $report.Steps.Count | Should -BeGreaterThan 5
    }

    It 'is seen by a watch, which ends at once when it is stopped' {
        $watch = [powershell]::Create()
        [void]$watch.AddScript('param($path, $session) Import-Module $path; Watch-PgPrimary -Connection $session').AddParameter('path', $path).AddParameter('session', $session)
        $seen = [Management.Automation.PSDataCollection[psobject]]::new()
        [void]$watch.BeginInvoke([Management.Automation.PSDataCollection[psobject]]$null, $seen)
        Wait-Until { $seen.Count -ge 1 } 'the watch to say who is the primary'
        $old = $seen[0].Primary
        $seen[0].Kind | Should -Be 'Current'
        $old | Should -Be (Get-Primary)

        $report = Invoke-PgFailover -Confirm:$false
        Wait-Until { $seen.Count -ge 2 } 'the watch to see the change'
        $seen[1].Kind | Should -Be 'Changed'
        $seen[1].Primary | Should -Be $report.NewPrimary
        $seen[1].Previous | Should -Be $old
        $seen[1].Revision | Should -BeGreaterThan $seen[0].Revision

        $clock = [Diagnostics.Stopwatch]::StartNew()
        $watch.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
        $watch.Dispose()
    }

    It 'says by progress and verbose text what it does' {
        $shell = [powershell]::Create()
        [void]$shell.AddScript('param($path, $session) Import-Module $path; Invoke-PgFailover -Connection $session -Confirm:$false -Verbose').AddParameter('path', $path).AddParameter('session', $session)
        $report = $shell.Invoke()
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $shell.Streams.Progress.Count | Should -BeGreaterThan 1
        $shell.Streams.Progress[-1].RecordType | Should -Be 'Completed'
        foreach ($step in $report.Steps) {
            $shell.Streams.Verbose.Message | Where-Object { $_ -match "\b$($step.Name)\b" } | Should -Not -BeNullOrEmpty
        }
        $shell.Dispose()
    }

    It 'is in the history' {
        $report = Invoke-PgFailover -Reason 'for the history' -Confirm:$false
        $last = Get-PgClusterHistory -First 1
        $last.Id | Should -Be $report.Id
        $last.Why | Should -Be 'for the history'
        $last.Actor | Should -Be "$([Environment]::UserName)@$([Environment]::MachineName)"
        $last.Steps.Count | Should -Be $report.Steps.Count
        (Get-PgClusterHistory -Id $report.Id).Id | Should -Be $report.Id
        $all = @(Get-PgClusterHistory)
        (Get-PgClusterHistory -Last 1).Id | Should -Be $all[-1].Id
        (Get-ErrorOf { Get-PgClusterHistory -Id nothing -ErrorAction Stop }).FullyQualifiedErrorId | Should -Match '^OperationNotFound,'
    }

    It 'tells a scheduler by the exit code how it went' {
        $wrapper = [IO.Path]::Combine($Repository, 'examples', 'Invoke-ScheduledFailover.ps1')
        $before = $env:PSModulePath
        $env:PSModulePath = [IO.Path]::GetFullPath([IO.Path]::Combine([IO.Path]::GetDirectoryName($path), '..', '..')) + [IO.Path]::PathSeparator + $before
        try {
            $json = & ([Environment]::ProcessPath) -NoProfile -NonInteractive -File $wrapper -ConfigFile $playground.ConfigFile 2>&1 | Out-String
            $LASTEXITCODE | Should -Be 0 -Because $json
            ($json | ConvertFrom-Json).Outcome | Should -Be 'Succeeded'
            & ([Environment]::ProcessPath) -NoProfile -NonInteractive -File $wrapper -ConfigFile $playground.ConfigFile -Target nobody > $null 2>&1
            $LASTEXITCODE | Should -Be 2
        }
        finally {
            $env:PSModulePath = $before
        }
    }
}

Describe 'A failover that does not go through' -Tag Cluster {
    BeforeAll {
        $impatient = Connect-PgCluster $playground.ConfigFile -Option @{ 'failover.pause_timeout' = '1s'; 'failover.blocker_age' = '100ms' }
    }

    BeforeEach {
        Wait-Calm
        $client = Start-Transaction
        Wait-Until { (Test-PgFailover -Connection $impatient -Detailed).Blockers.Count -gt 0 } 'the open transaction to be seen'
    }

    AfterEach {
        Stop-Transaction $client
        Wait-Calm
    }

    AfterAll { Disconnect-PgCluster $impatient }

    It 'is rolled back, returns its report and writes an error with the id of its reason' {
        $old = Get-Primary
        $report = Invoke-PgFailover -Connection $impatient -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
        $report.Outcome | Should -Be 'RolledBack'
        $report.ErrorReason | Should -Be 'PauseTimeout'
        @($report.Steps | Where-Object Phase -EQ 'Undo').Count | Should -BeGreaterThan 0
        $failure[0].FullyQualifiedErrorId | Should -Be 'PauseTimeout,PgCluster.Commands.InvokePgFailoverCommand'
        $failure[0].TargetObject.Id | Should -Be $report.Id
        $failure[0].ErrorDetails.RecommendedAction | Should -Match 'BlockerPolicy'
        Get-Primary | Should -Be $old
        (Get-PgClusterHistory -First 1).Outcome | Should -Be 'RolledBack'

        (Get-ErrorOf { Invoke-PgFailover -Connection $impatient -Confirm:$false -ErrorAction Stop }).FullyQualifiedErrorId |
            Should -Be 'PauseTimeout,PgCluster.Commands.InvokePgFailoverCommand'
    }

    It 'is refused with -BlockerPolicy Abort' {
        (Get-ErrorOf { Invoke-PgFailover -Connection $impatient -BlockerPolicy Abort -Confirm:$false }).FullyQualifiedErrorId |
            Should -Be 'BlockedBySessions,PgCluster.Commands.InvokePgFailoverCommand'
        Test-PgFailover -Connection $impatient -BlockerPolicy Abort | Should -BeFalse
    }

    It 'is undone when it is stopped before the point of no return' {
        $old = Get-Primary
        $shell = [powershell]::Create()
        [void]$shell.AddScript('param($path, $session) Import-Module $path; Invoke-PgFailover -Connection $session -Confirm:$false').AddParameter('path', $path).AddParameter('session', $session)
        [void]$shell.BeginInvoke()
        Wait-Until { @(Get-PgPooler | Where-Object State -EQ 'Pausing').Count -gt 0 } 'a pooler to wait for the open transaction'
        $shell.Stop()
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $shell.Dispose()
        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
        (Get-PgCluster).LockHolder | Should -BeNullOrEmpty
        Get-Primary | Should -Be $old
        $last = Get-PgClusterHistory -First 1
        $last.Outcome | Should -Be 'RolledBack'
        $last.ErrorReason | Should -Be 'Cancelled'
    }
}

Describe 'A pooler' -Tag Cluster {
    BeforeAll {
        $own = $playground | Connect-PgCluster
        Wait-Calm
    }

    AfterAll { Disconnect-PgCluster $own }

    AfterEach { Get-PgPooler | Where-Object State -NE 'Active' | Resume-PgPooler }

    It 'is paused under a lease, and resumed' {
        $paused = Suspend-PgPooler app -ExpirySec 60 -PassThru
        $paused.State | Should -Be 'Paused'
        $paused.Lease.Holder | Should -Match ([regex]::Escape([Environment]::UserName))
        (Get-PgPooler pg01).State | Should -Be 'Active'
        (Get-PgCluster).PoolersPaused | Should -Be 1
        $resumed = Resume-PgPooler app -LeaseId $paused.Lease.Id -PassThru
        $resumed.State | Should -Be 'Active'
        $resumed.Lease | Should -BeNullOrEmpty
    }

    It 'is silent without -PassThru, and takes names by wildcard and from the pipeline' {
        Suspend-PgPooler pg* -ExpirySec 60 | Should -BeNullOrEmpty
        (Get-PgPooler pg*).State | Sort-Object -Unique | Should -Be 'Paused'
        Get-PgPooler | Where-Object State -EQ 'Paused' | Resume-PgPooler | Should -BeNullOrEmpty
        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
    }

    It 'is not resumed by the lease of somebody else' {
        $null = Suspend-PgPooler app -ExpirySec 60
        Resume-PgPooler app -LeaseId 0123456789 -ErrorAction SilentlyContinue
        (Get-PgPooler app).State | Should -Be 'Paused'
    }

    It 'resumes by itself at its expiry' {
        Suspend-PgPooler app -TimeoutSec 1 -ExpirySec 2
        Wait-Until { (Get-PgPooler app).State -eq 'Active' } 'the pause to end by itself' 10
    }

    It 'is not touched with -WhatIf' {
        Suspend-PgPooler * -WhatIf | Should -BeNullOrEmpty
        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
        (Get-PgPooler).Lease | Where-Object { $_ } | Should -BeNullOrEmpty
    }

    It 'is restarted under its clients, one after the other, and not with -WhatIf' {
        $before = (Get-PgPlayground $playground.Name).Poolers
        Get-PgPooler | Restart-PgPooler -WhatIf | Should -BeNullOrEmpty
        (Get-PgPlayground $playground.Name).Poolers.Pid | Should -Be $before.Pid
        $done = Get-PgPooler | Restart-PgPooler
        $done.Pooler | Sort-Object | Should -Be ($before.Name | Sort-Object)
        foreach ($one in $done) {
            $one.OldPid | Should -Be ($before | Where-Object Name -EQ $one.Pooler).Pid
            $one.NewPid | Should -Be ((Get-PgPlayground $playground.Name).Poolers | Where-Object Name -EQ $one.Pooler).Pid
            $one.NewPid | Should -Not -Be $one.OldPid
            $one.ClientsKept | Should -Be $one.Clients
        }

        (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
        ($done | Format-Table | Out-String) | Should -Match 'Clients kept'
    }

    It 'that is paused is not restarted, nor are those behind it' {
        $first, $second = (Get-PgPooler).Name[0, 1]
        $null = Suspend-PgPooler $first -ExpirySec 60
        $done = Restart-PgPooler $first, $second -ErrorAction SilentlyContinue -ErrorVariable failure -WarningAction SilentlyContinue -WarningVariable left
        $done | Should -BeNullOrEmpty
        $failure[0].FullyQualifiedErrorId | Should -Be 'LockHeld,PgCluster.Commands.RestartPgPoolerCommand'
        $failure[0].TargetObject | Should -Be $first
        "$left" | Should -Match $second
    }

    It 'that does not exist is an error, and the others are done all the same' {
        $done = Suspend-PgPooler app, nobody -ExpirySec 60 -PassThru -ErrorAction SilentlyContinue -ErrorVariable failure
        $done.Name | Should -Be 'app'
        $failure[0].FullyQualifiedErrorId | Should -Be 'PoolerNotFound,PgCluster.Commands.SuspendPgPoolerCommand'
        $failure[0].TargetObject | Should -Be 'nobody'
        Suspend-PgPooler no-such-* | Should -BeNullOrEmpty
    }

    It 'is known to completion once it was seen' {
        Get-Completion 'Get-PgPooler a' | Should -Be 'app'
    }
}

Describe 'Removing a playground' -Tag Cluster {
    It 'leaves it alone with -WhatIf' {
        Remove-PgPlayground $name -WhatIf
        (Get-PgPlayground $name).Running | Should -BeTrue
    }

    It 'leaves no process and no file' {
        $pids = (Get-PgPlayground $name).Processes.Pid
        Get-PgPlayground $name | Remove-PgPlayground
        $playground.Path | Should -Not -Exist
        # A process that has ended stays listed until its new parent collects it, and that is nobody's in this test: state Z is gone.
        $pids | Where-Object { (Get-Content "/proc/$_/stat" -ErrorAction Ignore) -match '^\d+ \(.*\) [^ZX] ' } | Should -BeNullOrEmpty
        (Get-ErrorOf { Get-PgPlayground $name -ErrorAction Stop }).FullyQualifiedErrorId | Should -Be 'PlaygroundNotFound,PgCluster.Commands.GetPgPlaygroundCommand'
    }
}
