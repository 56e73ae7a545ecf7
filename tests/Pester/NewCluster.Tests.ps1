# A cluster where there is none: a playground of its own, from which servers, data and what etcd knows are taken away.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $name = "new$PID"
    $playground = New-PgPlayground $name -Setting @{ 'failover.lock_timeout' = '20s'; 'etcd.timeout' = '8s'; 'failover.health_check_timeout' = '8s' }

    function Read-Words {
        param([string] $File)

        [Text.Encoding]::UTF8.GetString([IO.File]::ReadAllBytes($File)).Split([char]0, [StringSplitOptions]::RemoveEmptyEntries)
    }

    # As each was started, so that it goes with the playground.
    $agents = $playground.Processes | Where-Object Name -Like 'agent-*' | ForEach-Object {
        [pscustomobject]@{ Id = $_.Pid; Log = $_.LogFile; Command = @(Read-Words "/proc/$($_.Pid)/cmdline"); Environment = @(Read-Words "/proc/$($_.Pid)/environ") }
    }
    $agents | ForEach-Object { Stop-Process -Id $_.Id -Force }
    foreach ($server in $playground.Servers) {
        $file = Join-Path $server.DataDirectory 'postmaster.pid'
        if (Test-Path $file) {
            $postmaster = [int](Get-Content $file -TotalCount 1)
            & /bin/kill -INT $postmaster
            Wait-Until { -not (Test-Path $file) } "PostgreSQL of $($server.Name) to stop"
        }

        Remove-Item -Recurse -Force $server.DataDirectory
    }

    $env:ETCDCTL_API = '3'
    & etcdctl --endpoints $playground.EtcdEndpoints[0] del --prefix "/pgcluster/$name/" | Out-Null
    $asServer = if ((& id -u) -eq '0') { 'setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--' } else { @() }
    foreach ($agent in $agents) {
        $words = @($asServer) + @('env', '-i') + $agent.Environment + $agent.Command
        Start-Process setsid -ArgumentList ($words | ForEach-Object { '"' + $_.Replace('"', '\"') + '"' }) -RedirectStandardOutput "$($agent.Log).again" -RedirectStandardError "$($agent.Log).errors"
    }

    $session = $playground | Connect-PgCluster
    Wait-Until { @(Get-PgClusterNode | Where-Object Evidence -Match 'there is no server yet').Count -eq 3 } 'every agent to wait' 120
}

AfterAll {
    if ($session) { Disconnect-PgCluster $session }
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'A new cluster' -Tag Cluster {
    It 'is planned, with every check, and nothing is done' {
        $checks = Initialize-PgCluster -New -Check
        $checks | Should -BeOfType PgCluster.PreflightCheck
        @($checks | Where-Object Status -EQ 'Failed') | Should -BeNullOrEmpty
        ($checks | Where-Object Name -EQ 'Passwords').Status | Should -Be 'Warning'

        $steps = Initialize-PgCluster -New pg02 -WhatIf -WarningAction SilentlyContinue
        $steps | Should -BeOfType PgCluster.PlanStep
        $steps.Name | Should -Be 'lock', 'recheck', 'initdb', 'begin', 'lead', 'stream'
        ($steps | Where-Object PointOfNoReturn).Name | Should -Be 'begin'
        ($steps | Where-Object Name -EQ 'initdb').Node | Should -Be 'pg02'
        $playground.Servers.DataDirectory | Should -Not -Exist
    }

    It 'is not what taking a cluster over makes' {
        @(Initialize-PgCluster -Check | Where-Object Status -EQ 'Failed').Name | Should -Contain 'OnePrimary'
        { Initialize-PgCluster -New nobody -Check } | Should -Throw -ErrorId 'NodeNotFound,PgCluster.Commands.InitializePgClusterCommand'
    }

    It 'leaves nothing of one that cannot be made' {
        $report = Initialize-PgCluster -New -Encoding nonsense -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure -WarningAction SilentlyContinue
        $report.Outcome | Should -Be 'RolledBack'
        "$failure" | Should -Match 'nonsense'
        $playground.Servers.DataDirectory | Should -Not -Exist
        $playground.Servers.DataDirectory | ForEach-Object { "$_.pgcluster-new" } | Should -Not -Exist
    }

    It 'is made, streams, fails over, and is not made again' {
        $report = Initialize-PgCluster -New pg02 -Reason 'a test' -Confirm:$false -WarningVariable warnings -WarningAction SilentlyContinue
        $report | Should -BeOfType PgCluster.OperationReport
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        "$warnings" | Should -Match 'Passwords: postgres.password_file is empty'
        $nodes = Get-PgClusterNode
        ($nodes | Where-Object Role -EQ 'Primary').Name | Should -Be 'pg02'
        @($nodes | Where-Object { $_.Role -eq 'Standby' -and $_.State -eq 'Running' -and $_.Upstream -eq 'pg02' }).Name | Should -Be 'pg01', 'pg03'
        (Get-PgClusterHistory | Where-Object Kind -EQ 'create' | Select-Object -First 1).Why | Should -Be 'a test'

        Wait-Until { Test-PgFailover pg01 } 'a failover to be possible' 60
        (Invoke-PgFailover pg01 -Confirm:$false).Outcome | Should -Be 'Succeeded'
        { Initialize-PgCluster -New -Confirm:$false } | Should -Throw -ErrorId 'PreflightFailed,*'
        $agent = (Get-ChildItem (Join-Path (Split-Path (Get-PackedModule)) 'bin/agent') -Filter 'pgcluster*' | Where-Object { $_.Name -in 'pgcluster', 'pgcluster.dll' } | Select-Object -First 1).FullName
        $command = @(if ($agent -like '*.dll') { 'dotnet', $agent } else { $agent })
        $said = & $command[0] @($command | Select-Object -Skip 1) initialize --new --primary pg02 --dry-run --config-file $playground.ConfigFile
        $LASTEXITCODE | Should -Be 3
        "$said" | Should -Match 'EmptyDirectory +Failed'
    }
}
