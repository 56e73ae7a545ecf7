# Who belongs to a cluster: on a real cluster, a playground of its own.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $name = "member$PID"
    $playground = New-PgPlayground $name -Setting @{ 'failover.lock_timeout' = '20s'; 'etcd.timeout' = '8s' }
    $session = $playground | Connect-PgCluster
    Wait-Until { Test-PgFailover } 'the cluster to be ready'

    # An address that nobody answers at.
    $new = @{ Name = 'pg09'; HostName = '127.0.0.1'; Port = 1; Agent = '127.0.0.1:2'; Http = '127.0.0.1:3'; DataDirectory = '/nowhere/data' }
}

AfterAll {
    if ($session) { Disconnect-PgCluster $session }
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'A cluster that is under management' -Tag Cluster {
    It 'says so, and is not taken over again' {
        $checks = Initialize-PgCluster -Check
        $checks | Should -BeOfType PgCluster.PreflightCheck
        @($checks | Where-Object Status -EQ 'Failed').Name | Should -Be 'NotInitialized'
        ($checks | Where-Object Name -EQ 'ReplicationAccess').Status | Should -Be 'Passed'
        $failure = Get-ErrorOf { Initialize-PgCluster -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -Be 'PreflightFailed,PgCluster.Commands.InitializePgClusterCommand'
        "$failure" | Should -Match '^NotInitialized: it is under management already: agent of pg0\d made it database system \d+'
    }
}

Describe 'Nodes that come and go' -Tag Cluster {
    It 'shows what would be done and changes nothing' {
        $steps = Add-PgClusterNode @new -WhatIf
        $steps | Should -BeOfType PgCluster.PlanStep
        $steps.Name | Should -Be 'member', 'agents', 'stream'
        @(Get-PgClusterNode).Count | Should -Be 3
    }

    It 'names what is wrong with a node' {
        $wrong = $new + @{}
        $wrong.Name = 'PG02'
        (Get-ErrorOf { Add-PgClusterNode @wrong }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.AddPgClusterNodeCommand'
        $wrong.Name = 'pg09'
        $wrong.DataDirectory = 'data'
        "$(Get-ErrorOf { Add-PgClusterNode @wrong })" | Should -Match 'is no full path'
    }

    It 'takes a node in and out again, and the history says why' {
        $added = Add-PgClusterNode @new -NoWait -Weight 5 -Reason 'one more' -Confirm:$false
        $added | Should -BeOfType PgCluster.OperationReport
        $added.Outcome | Should -Be 'Succeeded' -Because $added.Error
        $node = Get-PgClusterNode pg09
        $node.State | Should -Be 'Unreachable'
        $node.Weight | Should -Be 5

        $removed = $node | Remove-PgClusterNode -Reason 'not after all' -Confirm:$false
        $removed.Outcome | Should -Be 'Succeeded' -Because $removed.Error
        @(Get-PgClusterNode).Name | Should -Be 'pg01', 'pg02', 'pg03'
        $kinds = Get-PgClusterHistory | Where-Object Kind -Like '*-node'
        $kinds.Kind | Should -Be 'remove-node', 'add-node'
        $kinds.Why | Should -Be 'pg09: not after all', 'pg09: one more'
    }

    It 'undoes an addition when the node does not stream in time' {
        $report = Add-PgClusterNode @new -TimeoutSec 3 -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
        $report.Outcome | Should -Be 'RolledBack'
        $failure[0].FullyQualifiedErrorId | Should -Be 'StepTimeout,PgCluster.Commands.AddPgClusterNodeCommand'
        "$failure" | Should -Match 'start pgcluster supervise --node pg09 there'
        @(Get-PgClusterNode).Name | Should -Be 'pg01', 'pg02', 'pg03'
    }

    It 'keeps the primary' {
        # The agents have the nodes of before again, and begin anew with them.
        Wait-Until { (Get-PgCluster).Primary } 'a primary'
        $primary = (Get-PgCluster).Primary
        (Get-ErrorOf { Remove-PgClusterNode $primary -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'TargetNotEligible,PgCluster.Commands.RemovePgClusterNodeCommand'
        (Get-ErrorOf { Remove-PgClusterNode nobody -Confirm:$false }).FullyQualifiedErrorId | Should -Be 'NodeNotFound,PgCluster.Commands.RemovePgClusterNodeCommand'
    }

    It 'has a command for each' {
        $agent = (Get-ChildItem (Join-Path (Split-Path (Get-PackedModule)) 'bin/agent') -Filter 'pgcluster*' | Where-Object { $_.Name -in 'pgcluster', 'pgcluster.dll' } | Select-Object -First 1).FullName
        $command = @(if ($agent -like '*.dll') { 'dotnet', $agent } else { $agent })
        $said = & $command[0] @($command | Select-Object -Skip 1) node add pg09 --host 127.0.0.1 --port 1 --agent 127.0.0.1:2 --http 127.0.0.1:3 --data-directory /nowhere/data --dry-run --config-file $playground.ConfigFile
        $LASTEXITCODE | Should -Be 0
        "$said" | Should -Match 'member .*agents .*stream'
        $said = & $command[0] @($command | Select-Object -Skip 1) initialize --dry-run --config-file $playground.ConfigFile
        $LASTEXITCODE | Should -Be 3
        "$said" | Should -Match 'NotInitialized +Failed'
    }
}
