# Agents and proxies as processes: who runs what, and how a new version of them comes to work, on a playground of its own.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    Import-Module $path
    $name = "pester$PID"
    $playground = New-PgPlayground $name
    $session = $playground | Connect-PgCluster
}

AfterAll {
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'The daemons of a cluster' -Tag Cluster {
    It 'shows every agent and every proxy once, with its process' {
        $daemons = @(Get-PgDaemon)
        $daemons | Should -BeOfType PgCluster.ClusterDaemon
        $daemons.Name | Should -Be 'proxy-app', 'proxy-pg01', 'proxy-pg02', 'proxy-pg03', 'supervise-pg01', 'supervise-pg02', 'supervise-pg03'
        $daemons.State | Sort-Object -Unique | Should -Be 'Running'
        foreach ($daemon in $daemons) { (Get-Process -Id $daemon.Pid).Id | Should -Be $daemon.Pid }
        (Get-PgDaemon supervise-pg01).Listeners | Should -HaveCount 2
        @(Get-PgDaemon proxy-*).Count | Should -Be 4
    }

    It 'says which daemons there are when none has the name' {
        $failure = Get-ErrorOf { Get-PgDaemon supervise-pg99 -ErrorAction Stop }
        $failure.FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.GetPgDaemonCommand'
        $failure.Exception.Message | Should -Match 'supervise-pg01'
        (Get-ErrorOf { Update-PgDaemon supervise-pg99 -ErrorAction Stop }).FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.UpdatePgDaemonCommand'
    }

    It 'rehearses an upgrade and changes nothing' {
        $before = Get-PgDaemon supervise-*
        $tests = @(Get-PgDaemon supervise-* | Test-PgDaemonUpgrade)
        $tests | Should -BeOfType PgCluster.DaemonRehearsal
        $tests.Name | Should -Be $before.Name
        $tests.Detail -join ' ' | Should -Match 'could take over grpc'
        $tests.Succeeded | Should -Not -Contain $false
        (Get-PgDaemon supervise-*).Pid | Should -Be $before.Pid
    }

    It 'shows the order of an upgrade, the agent of the primary last' {
        $primary = (Get-PgCluster).Primary
        $steps = @(Update-PgDaemon -WhatIf)
        ($steps | Where-Object Name -EQ follow).Node[-1] | Should -Be "supervise-$primary"
        @($steps | Where-Object Name -EQ rehearse).Count | Should -Be 7
    }

    It 'has all followed under writers, who notice nothing' {
        $before = @{}
        Get-PgDaemon | ForEach-Object { $before[$_.Name] = $_.Pid }
        $primary = (Get-PgCluster).Primary
        $gap = Measure-PgWriteGap -Writers 4 { $script:report = Update-PgDaemon -DrainTimeoutSec 2 -Reason 'a new version' }
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $gap.Errors | Should -BeNullOrEmpty
        $gap.LostCommits | Should -Be 0
        foreach ($daemon in Get-PgDaemon) { $daemon.Pid | Should -Not -Be $before[$daemon.Name] }
        (Get-PgCluster).Primary | Should -Be $primary
        (Get-PgClusterHistory -Last 1).Kind | Should -Be 'upgrade'
        (Get-PgPlayground $name).Running | Should -BeTrue
    }

    It 'stops one, and warns of who does not answer then' {
        $standby = (Get-PgClusterNode | Where-Object Role -EQ Standby | Select-Object -First 1).Name
        Stop-PgDaemon "supervise-$standby" -Drain -DrainTimeoutSec 2
        Get-PgDaemon -WarningVariable warnings -WarningAction SilentlyContinue | Where-Object Name -EQ "supervise-$standby" | Should -BeNullOrEmpty
        $warnings | Should -Match "the agent of $standby"
    }
}
