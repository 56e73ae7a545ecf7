# What watches a cluster and says whether it is sound: on a real cluster, a playground of its own.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    Import-Module $path
    $name = "watch$PID"
    $playground = New-PgPlayground $name
    $session = $playground | Connect-PgCluster
    Wait-Until { Test-PgFailover } 'the cluster to be ready'

    function Start-Watch {
        param([string] $Command)

        $shell = [powershell]::Create()
        [void]$shell.AddScript("param(`$path, `$session) Import-Module `$path; $Command -Connection `$session").AddParameter('path', $path).AddParameter('session', $session)
        $seen = [Management.Automation.PSDataCollection[psobject]]::new()

        # Who enumerates an open collection waits for its end otherwise.
        $seen.EnumeratorNeverBlocks = $true
        $shell.Streams.Warning.EnumeratorNeverBlocks = $true
        [void]$shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]$null, $seen)
        Wait-Until { $seen.Count -ge 1 } "$Command to begin"
        [pscustomobject]@{ Shell = $shell; Seen = $seen }
    }

    # Ends it; returns how many seconds that took.
    function Stop-Watch {
        param([pscustomobject] $Watch)

        $clock = [Diagnostics.Stopwatch]::StartNew()
        $Watch.Shell.Stop()
        $clock.Elapsed.TotalSeconds
        $Watch.Shell.Dispose()
    }
}

AfterAll {
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'A cluster that is checked' -Tag Cluster {
    It 'is sound when all is well' {
        Wait-Until { Test-PgCluster } 'every check to pass'
        $checks = Test-PgCluster -Detailed
        $checks | Should -BeOfType PgCluster.PreflightCheck
        foreach ($check in 'StoreQuorum', 'AgentAnswers', 'OnePrimary', 'PublishedPrimary', 'OneLeader', 'StandbyStreams', 'Consensus', 'Clock', 'NotSuspended',
            'AutomaticFailover', 'Successor', 'CanBeRewound', 'RetrieveRetry') {
            @($checks | Where-Object Name -EQ $check).Status | Should -Not -BeNullOrEmpty -Because $check
            $checks | Where-Object { $_.Name -eq $check -and $_.Status -ne 'Passed' } | Should -BeNullOrEmpty -Because $check
        }
        @($checks | Where-Object Name -EQ 'StandbyStreams').Count | Should -Be 2
    }

    It 'is still sound when it is suspended, with a warning' {
        $null = Suspend-PgCluster -Duration 00:01:00 -Reason 'a check of the check'
        try {
            Wait-Until { Test-PgCluster } 'no check to fail'
            "$(Test-PgCluster -Verbose 4>&1)" | Should -Match 'Warning: NotSuspended: .*a check of the check -- Resume-PgCluster ends it'
        }
        finally {
            $null = Resume-PgCluster
        }
        (Test-PgCluster -Detailed | Where-Object Name -EQ 'NotSuspended').Status | Should -Be 'Passed'
    }

    It 'is not sound without etcd, and says what to do' {
        $blind = Connect-PgCluster $playground.ConfigFile -Option @{ 'etcd.endpoints' = 'http://127.0.0.1:9'; 'etcd.timeout' = '2s' }
        try {
            Test-PgCluster -Connection $blind | Should -BeFalse
            $failed = Test-PgCluster -Connection $blind -Detailed | Where-Object Status -EQ 'Failed'
            $failed.Name | Should -Contain 'StoreQuorum'
            foreach ($check in $failed) { $check.Remedy | Should -Not -BeNullOrEmpty -Because $check.Name }
        }
        finally {
            Disconnect-PgCluster -Connection $blind
            $null = $playground | Connect-PgCluster
        }
    }

    It 'tells the shell by the exit code' {
        $program = [IO.Path]::Combine([IO.Path]::GetDirectoryName($path), 'bin', 'agent', 'pgcluster')
        Wait-Until { $script:table = & $program check -c $playground.ConfigFile | Out-String; $LASTEXITCODE -eq 0 } 'exit code 0'
        $table | Should -Match 'OneLeader\s+Passed'
        & $program check -c $playground.ConfigFile --etcd-endpoints http://127.0.0.1:9 > $null
        $LASTEXITCODE | Should -Be 1
    }
}

Describe 'A cluster that is watched' -Tag Cluster {
    It 'tells what a failover and a suspension do, and ends at once' {
        Wait-Until { Test-PgFailover } 'a failover to be possible'
        $old = (Get-PgCluster).Primary
        $watch = Start-Watch Watch-PgCluster
        $watch.Seen[0].Kind | Should -Be 'Current'
        $watch.Seen[0].Node | Should -Be $old

        $report = Invoke-PgFailover -Reason 'to be seen' -Confirm:$false
        Wait-Until { $watch.Seen.Kind -contains 'OperationEnded' } 'the end of the failover'
        $events = @($watch.Seen)
        $events.Kind | Where-Object { $_ -in 'OperationBegan', 'LeaderYields', 'LeaderTaken', 'OperationDecided', 'PrimaryPublished', 'OperationEnded' } | Select-Object -Unique |
            Should -Be 'OperationBegan', 'LeaderYields', 'LeaderTaken', 'OperationDecided', 'PrimaryPublished', 'OperationEnded'
        ($events | Where-Object Kind -EQ 'LeaderTaken').Node | Should -Be $report.NewPrimary
        ($events | Where-Object Kind -EQ 'PrimaryPublished').Node | Should -Be $report.NewPrimary
        $ended = $events | Where-Object Kind -EQ 'OperationEnded'
        $ended.Operation | Should -Be $report.Id
        $ended.Outcome | Should -Be 'Succeeded' -Because $ended.Error
        $ended.Why | Should -Be 'to be seen'
        $ended.Actor | Should -Be $report.Actor
        $ended.DurationSeconds | Should -Be $report.DurationSeconds
        $poolers = @(Get-PgPooler).Name
        Wait-Until { @($watch.Seen | Where-Object Kind -EQ 'PoolerResumed').Count -ge $poolers.Count } 'the end of every pause'
        @($watch.Seen | Where-Object Kind -EQ 'PoolerPaused').Pooler | Sort-Object | Should -Be $poolers
        @($watch.Seen | Where-Object Kind -EQ 'PoolerResumed').DurationSeconds | ForEach-Object { $_ | Should -BeGreaterThan 0 }
        $revisions = @($events.Revision)
        $revisions | Should -Be @($revisions | Sort-Object)

        $null = Suspend-PgCluster -Duration 00:01:00 -Reason 'also to be seen'
        $null = Resume-PgCluster
        Wait-Until { $watch.Seen.Kind -contains 'SuspensionEnded' } 'the end of the suspension'
        $began = $watch.Seen | Where-Object Kind -EQ 'SuspensionBegan'
        $began.Why | Should -Be 'also to be seen'
        $began.Actor | Should -Be "$([Environment]::UserName)@$([Environment]::MachineName)"
        ($watch.Seen | Where-Object Kind -EQ 'SuspensionEnded').Evidence | Should -Match '^ended early'
        Stop-Watch $watch | Should -BeLessThan 5
    }

    It 'is not called a split brain when its primary is replaced, again and again' {
        $watch = Start-Watch Watch-PgPrimary

        # Several, so that every server is looked at again and again while it changes its role.
        foreach ($time in 1..4) {
            Wait-Until { @(Get-PgClusterNode | Where-Object State -NE 'Running').Count -eq 0 -and (Test-PgFailover) } 'a failover to be possible'
            $null = Invoke-PgFailover -Confirm:$false
            Wait-Until { $watch.Seen.Count -gt $time } 'the change'
        }

        $watch.Seen.Kind | Should -Be 'Current', 'Changed', 'Changed', 'Changed', 'Changed'
        $watch.Shell.Streams.Warning | Should -BeNullOrEmpty
        Stop-Watch $watch | Should -BeLessThan 5
    }

    It 'is called a split brain when two nodes accept writes, until one does not any more' {
        Wait-Until { (Get-PgClusterNode).SyncState -contains 'Potential' -and (Test-PgFailover) } 'the cluster to be calm'
        $nodes = Get-PgClusterNode
        $primary = ($nodes | Where-Object Role -EQ 'Primary').Name
        $other = ($nodes | Where-Object SyncState -EQ 'Potential' | Select-Object -First 1).Name
        $agent = (Get-PgPlayground $name).Processes | Where-Object Name -EQ "agent-$other"
        $watch = Start-Watch Watch-PgPrimary

        # Its agent would stop it at once; frozen it cannot.
        kill -STOP $agent.Pid
        try {
            $uri = ($playground.Servers | Where-Object Name -EQ $other).Uri -replace '/app$', '/postgres'
            psql -XAtq $uri -c 'select pg_promote()' | Should -Be 't'
            Wait-Until { $watch.Seen.Kind -contains 'SplitBrain' } 'the split brain to be seen'
        }
        finally {
            kill -CONT $agent.Pid
        }

        $brain = $watch.Seen | Where-Object Kind -EQ 'SplitBrain' | Select-Object -First 1
        $brain.Writers.Name | Should -Be @($primary, $other | Sort-Object)
        $brain.Leader | Should -Be $primary
        $timelines = @{}
        foreach ($writer in $brain.Writers) {
            $writer.Lsn | Should -Match '^[0-9A-F]+/[0-9A-F]+$'
            $timelines[$writer.Name] = $writer.Timeline
        }
        $timelines[$other] | Should -Be ($timelines[$primary] + 1)
        "$($watch.Shell.Streams.Warning)" | Should -Match "Split brain in cluster '$name': .*$primary leads"
        Wait-Until { $watch.Seen.Kind -contains 'SplitBrainEnded' } 'the end of the split brain' -BudgetSec 60
        Stop-Watch $watch | Should -BeLessThan 5
    }

    It 'says once when servers cannot be asked from here, and goes on' {
        $stranger = Connect-PgCluster $playground.ConfigFile -Option @{ 'postgres.database' = 'nothing_of_that_name' }
        try {
            $shell = [powershell]::Create()
            [void]$shell.AddScript('param($path, $session) Import-Module $path; Watch-PgPrimary -Connection $session').AddParameter('path', $path).AddParameter('session', $stranger)
            $seen = [Management.Automation.PSDataCollection[psobject]]::new()
            [void]$shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]$null, $seen)
            Wait-Until { $shell.Streams.Warning.Count -ge 1 } 'the warning'
            $shell.Streams.Warning[0].Message | Should -Match 'does not let this caller in.*nothing_of_that_name'
            $seen.Count | Should -Be 1
            $shell.InvocationStateInfo.State | Should -Be 'Running'
            $shell.Stop()
            $shell.Streams.Warning.Count | Should -Be 1
            $shell.Dispose()
        }
        finally {
            Disconnect-PgCluster -Connection $stranger
        }
    }
}
