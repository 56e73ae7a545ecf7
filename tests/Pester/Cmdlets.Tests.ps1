BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    Import-Module $path
    Remove-Item -Path Env:PGCLUSTER_CONFIG_FILE -ErrorAction Ignore

    # Ports where nobody answers: what is tested here must not need anybody.
    function New-Config {
        param([string] $Name = 'demo', [string] $Etcd = 'http://127.0.0.1:1')

        $file = Join-Path $TestDrive "$Name.toml"
        New-PgClusterConfig $Name -Node pg01=127.0.0.1:2, pg02=127.0.0.2:2, 'pg03=127.0.0.3:2' -Pooler app=127.0.0.9:3, 'second=127.0.0.8:3' -EtcdEndpoint $Etcd -AgentPort 4 -HttpPort 5 -Option @{ 'etcd.timeout' = '500ms'; 'etcd.dial_timeout' = '500ms' } -Path $file -Force > $null
        $file
    }
}

Describe 'The cmdlets, without a cluster' {
    AfterEach {
        while ($true) { try { Disconnect-PgCluster } catch { break } }
        Remove-Item -Path Env:PGCLUSTER_CONFIG_FILE -ErrorAction Ignore
    }

    Context 'Which cluster a cmdlet uses' {
        It 'says so when none is connected and none is named' {
            $failure = Get-ErrorOf { Get-PgClusterNode }
            $failure.FullyQualifiedErrorId | Should -Be 'NotConnected,PgCluster.Commands.GetPgClusterNodeCommand'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'Connect-PgCluster'
        }

        It 'takes the last session, -ConfigFile before it, and -Connection before that' {
            $first = Connect-PgCluster (New-Config one)
            $second = Connect-PgCluster (New-Config two)
            $third = New-Config three
            # Whom it asks shows in what it says about a node that is not there.
            (Get-ErrorOf { Get-PgClusterNode nobody -ErrorAction Stop }).Exception.Message | Should -Match "'two'"
            (Get-ErrorOf { Get-PgClusterNode nobody -ConfigFile $third -ErrorAction Stop }).Exception.Message | Should -Match "'three'"
            (Get-ErrorOf { Get-PgClusterNode nobody -ConfigFile $third -Connection $first -ErrorAction Stop }).Exception.Message | Should -Match "'one'"
            (Get-ErrorOf { $first | Get-PgClusterNode nobody -ErrorAction Stop }).Exception.Message | Should -Match "'one'"
            (Get-ErrorOf { Get-PgClusterNode nobody -Connection one -ErrorAction Stop }).Exception.Message | Should -Match "'one'"
            (Get-ErrorOf { [pscustomobject]@{ Connection = $first } | Get-PgClusterNode nobody -ErrorAction Stop }).Exception.Message | Should -Match "'one'"
            $second | Disconnect-PgCluster
            $first | Disconnect-PgCluster
        }

        It 'takes the file that the environment names when nothing else does' {
            $env:PGCLUSTER_CONFIG_FILE = New-Config env
            (Get-ErrorOf { Get-PgClusterNode nobody -ErrorAction Stop }).Exception.Message | Should -Match "'env'"
            $null = Connect-PgCluster (New-Config one)
            (Get-ErrorOf { Get-PgClusterNode nobody -ErrorAction Stop }).Exception.Message | Should -Match "'one'"
        }

        It 'resolves a path as PowerShell does' {
            $file = New-Config relative
            Push-Location -Path $TestDrive
            try { (Connect-PgCluster ./relative.toml).ConfigFile | Should -Be $file }
            finally { Pop-Location }
        }

        It 'opens a session without asking anybody, and shows what it is' {
            $session = New-Config | ForEach-Object { Connect-PgCluster $_ -Option @{ 'failover.pause_timeout' = '2s' } }
            $session | Should -BeOfType PgCluster.PgClusterSession
            $session.Cluster | Should -Be 'demo'
            $session.Nodes | Should -Be 'pg01', 'pg02', 'pg03'
            $session.IsOpen | Should -BeTrue
            ($session | ConvertTo-Json | ConvertFrom-Json).Cluster | Should -Be 'demo'
            $session | Disconnect-PgCluster
            $session.IsOpen | Should -BeFalse
        }

        It 'refuses a session that was closed, and a name that is not connected' {
            $session = Connect-PgCluster (New-Config)
            Disconnect-PgCluster
            (Get-ErrorOf { Get-PgClusterNode -Connection $session }).FullyQualifiedErrorId | Should -Match '^SessionClosed,'
            (Get-ErrorOf { Get-PgClusterNode -Connection demo }).FullyQualifiedErrorId | Should -Match '^ParameterArgumentTransformationError,'
            (Get-ErrorOf { Disconnect-PgCluster }).FullyQualifiedErrorId | Should -Match '^NotConnected,'
        }

        It 'does not put another cluster in the place of the default that was closed' {
            $null = Connect-PgCluster (New-Config one)
            $null = Connect-PgCluster (New-Config two)
            Disconnect-PgCluster
            (Get-ErrorOf { Get-PgClusterNode }).FullyQualifiedErrorId | Should -Match '^NotConnected,'
            Disconnect-PgCluster one
        }

        It 'keeps the sessions of a runspace to itself, and takes one that is handed over' {
            $session = Connect-PgCluster (New-Config)
            $result = 1..2 | ForEach-Object -ThrottleLimit 2 -Parallel {
                Import-Module $using:path
                try { Get-PgClusterNode } catch { $_.FullyQualifiedErrorId.Split(',')[0] }
                try { Get-PgClusterNode nobody -Connection $using:session -ErrorAction Stop } catch { $_.FullyQualifiedErrorId.Split(',')[0] }
            }
            @($result | Group-Object -NoElement | Sort-Object -Property Name).ForEach({ "$($_.Name) $($_.Count)" }) | Should -Be 'NodeNotFound 2', 'NotConnected 2'
        }

        It 'shows nodes that nobody answers for as rows' {
            $null = Connect-PgCluster (New-Config)
            $nodes = Get-PgClusterNode
            $nodes.Name | Should -Be 'pg01', 'pg02', 'pg03'
            $nodes.State | Should -Not -Contain 'Running'
            (Get-PgClusterNode pg0[12]).Name | Should -Be 'pg01', 'pg02'
            Get-PgClusterNode x* | Should -BeNullOrEmpty
        }

        It 'shows the health of nodes that nobody answers for as rows, with no consensus without the store' {
            $null = Connect-PgCluster (New-Config)
            $nodes = Get-PgNodeHealth
            $nodes.Name | Should -Be 'pg01', 'pg02', 'pg03'
            $nodes.Local | Should -Be 'Unhealthy', 'Unhealthy', 'Unhealthy'
            $nodes.Consensus | Should -Be 'Unknown', 'Unknown', 'Unknown'
            $nodes[0].Evidence | Should -Match 'PostgreSQL does not answer at 127\.0\.0\.1:2'
            (Get-ErrorOf { Test-PgDurability }).FullyQualifiedErrorId | Should -Be 'StoreUnavailable,PgCluster.Commands.TestPgDurabilityCommand'
            (Get-ErrorOf { Get-PgQuorum }).FullyQualifiedErrorId | Should -Be 'StoreUnavailable,PgCluster.Commands.GetPgQuorumCommand'
            $failure = Get-ErrorOf { Get-PgSyncedNode -MaxLagBytes 16MB }
            $failure.FullyQualifiedErrorId | Should -Be 'NoSuitableNode,PgCluster.Commands.GetPgSyncedNodeCommand'
            $failure.Exception.Message | Should -Match 'pg01 is not healthy.*pg02 is not healthy.*pg03 is not healthy'
            (Get-ErrorOf { Get-PgSyncedNode -PastLsn nonsense }).FullyQualifiedErrorId | Should -Match '^CannotConvertArgument'
        }

        It 'does not take the name of a cluster for the name of a node' {
            $info = [pscustomobject]@{ Name = 'demo'; ConfigFile = (New-Config) }
            @($info | Get-PgClusterNode).Count | Should -Be 3
            ($info | Get-PgClusterNode pg02).Name | Should -Be 'pg02'
            (Get-PgClusterNode -ConfigFile $info.ConfigFile pg03 | Get-PgClusterNode -ConfigFile $info.ConfigFile).Name | Should -Be 'pg03'
        }
    }

    Context 'Errors of the cmdlets' {
        It 'names the store when it does not answer' {
            $null = Connect-PgCluster (New-Config)
            $failure = Get-ErrorOf { Get-PgClusterHistory }
            $failure.FullyQualifiedErrorId | Should -Be 'StoreUnavailable,PgCluster.Commands.GetPgClusterHistoryCommand'
            $failure.Exception | Should -BeOfType PgCluster.PgClusterException
            $failure.ErrorDetails.RecommendedAction | Should -Match 'etcd'
        }

        It 'names file, line and column of what is wrong in a configuration' {
            $file = Join-Path $TestDrive 'wrong.toml'
            Set-Content -Path $file -Value "[cluster]`nname = 3"
            $failure = Get-ErrorOf { Connect-PgCluster $file }
            $failure.FullyQualifiedErrorId | Should -Be 'InvalidConfiguration,PgCluster.Commands.ConnectPgClusterCommand'
            $failure.Exception.Message | Should -Match 'wrong\.toml.*2.*8'
        }

        It 'names an option that does not exist' {
            $file = New-Config
            $failure = Get-ErrorOf { Connect-PgCluster $file -Option @{ 'failover.pause_timeot' = '2s' } }
            $failure.FullyQualifiedErrorId | Should -Match '^InvalidConfiguration,'
            $failure.Exception.Message | Should -Match 'pause.timeout'
        }

        It 'refuses a pause that would end before it is complete' {
            $null = Connect-PgCluster (New-Config)
            $failure = Get-ErrorOf { Suspend-PgPooler app -TimeoutSec 10 -ExpirySec 10 }
            $failure.FullyQualifiedErrorId | Should -Match '^InvalidArgument,'
            $failure.Exception.Message | Should -Match '-TimeoutSec 10.*-ExpirySec 10'
        }

        It 'takes whole seconds: <_>' -ForEach '0', '-1', '3601' {
            $value = $_
            (Get-ErrorOf { Suspend-PgPooler app -TimeoutSec $value }).FullyQualifiedErrorId | Should -Match '^Parameter'
        }

        It 'can be told apart from the exit code of a script' {
            $file = New-Config
            Invoke-Fresh "`$ErrorActionPreference = 'Continue'; Import-Module '$path'; Get-PgClusterNode nobody -ConfigFile '$file'" -AllowFailure > $null
            $LASTEXITCODE | Should -Be 0
            Invoke-Fresh "Import-Module '$path'; Get-PgClusterNode nobody -ConfigFile '$file'" -AllowFailure > $null
            $LASTEXITCODE | Should -Be 1
            $env:PSModulePath = [IO.Path]::GetFullPath([IO.Path]::Combine([IO.Path]::GetDirectoryName($path), '..', '..')) + [IO.Path]::PathSeparator + $env:PSModulePath
            $wrapper = [IO.Path]::Combine($Repository, 'examples', 'Invoke-ScheduledFailover.ps1')
            & ([Environment]::ProcessPath) -NoProfile -NonInteractive -File $wrapper -ConfigFile $file 2>&1 | Out-String | Should -Match '(StoreUnavailable|NoQuorum): '
            $LASTEXITCODE | Should -Be 5
        }
    }

    Context 'New-PgClusterConfig' {
        It 'prints a configuration that can be connected to' {
            $toml = New-PgClusterConfig orders -Node a=10.0.0.1, b=10.0.0.2:5433 -Pooler app=10.0.0.9, side=10.0.0.1 -EtcdEndpoint http://10.0.0.1:2379
            $file = Join-Path $TestDrive 'printed.toml'
            Set-Content -Path $file -Value $toml -NoNewline
            $session = Connect-PgCluster $file
            $session.Cluster | Should -Be 'orders'
            $session.Nodes | Should -Be 'a', 'b'
            $toml | Should -Match '(?m)^port = 5433$'
            $toml | Should -Match '(?m)^node = "a"$'
            $toml | Should -Match '(?m)^keeper = "10\.0\.0\.9:8432"$'
            $toml | Should -Match '(?m)^# .*\(.*default "5s"\)'
        }

        It 'writes a file once, and again only with -Force' {
            $file = Join-Path $TestDrive 'written.toml'
            New-PgClusterConfig one -Path $file | Should -BeOfType IO.FileInfo
            $failure = Get-ErrorOf { New-PgClusterConfig two -Path $file }
            $failure.FullyQualifiedErrorId | Should -Match '^FileExists,'
            Get-Content -Raw -Path $file | Should -Match 'name = "one"'
            $null = New-PgClusterConfig two -Path $file -Force
            Get-Content -Raw -Path $file | Should -Match 'name = "two"'
            Get-Content -Raw -Path $file | Should -Not -Match 'name = "one"'
        }

        It 'writes nothing with -WhatIf' {
            $file = Join-Path $TestDrive 'whatif.toml'
            New-PgClusterConfig -Path $file -WhatIf | Should -BeNullOrEmpty
            $file | Should -Not -Exist
        }

        It 'says why it cannot write' {
            (Get-ErrorOf { New-PgClusterConfig -Path (Join-Path $TestDrive 'nowhere/x.toml') }).FullyQualifiedErrorId | Should -Match '^FileNotWritten,'
        }

        It 'refuses budgets that do not nest, and names both' {
            $failure = Get-ErrorOf { New-PgClusterConfig -Option @{ 'failover.pause_timeout' = '30s' } }
            $failure.FullyQualifiedErrorId | Should -Match '^InvalidConfiguration,'
            $failure.Exception.Message | Should -Match 'pause_timeout'
            $failure.Exception.Message | Should -Match '30s'
        }

        It 'refuses what is no address: <_>' -ForEach 'pg01=', '=host', 'a b', 'pg01=host:99999' {
            $node = $_
            (Get-ErrorOf { New-PgClusterConfig -Node $node }).FullyQualifiedErrorId | Should -Match '^Invalid(Argument|Configuration),'
        }
    }

    Context 'Completion' {
        It 'offers nothing, and no error, when nothing is connected' {
            $before = $Error.Count
            Get-Completion 'Get-PgClusterNode -Name pg' | Should -Not -Contain 'pg01'
            $Error.Count | Should -Be $before
        }

        It 'offers nodes, poolers and sessions of the default session, without asking anybody' {
            $null = Connect-PgCluster (New-Config)
            $clock = [Diagnostics.Stopwatch]::StartNew()
            Get-Completion 'Get-PgClusterNode -Name pg' | Should -Be 'pg01', 'pg02', 'pg03'
            Get-Completion 'Get-PgClusterNode pg01,pg' | Should -Contain 'pg02'
            Get-Completion 'Invoke-PgFailover -Target PG02' | Should -Be 'pg02'
            Get-Completion 'Test-PgFailover ' | Should -Be 'pg01', 'pg02', 'pg03'
            Get-Completion 'Suspend-PgPooler -Name ' | Should -Be 'app', 'second'
            Get-Completion 'Resume-PgPooler s' | Should -Be 'second'
            Get-Completion 'Restart-PgPooler a' | Should -Be 'app'
            Get-Completion 'Get-PgCluster -Connection d' | Should -Be 'demo'
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 30
        }

        It 'offers those of the session that is given' {
            $other = Connect-PgCluster (New-Config other)
            $toml = (Get-Content -Raw -Path $other.ConfigFile) -replace 'pg0', 'db0'
            Set-Content -Path (Join-Path $TestDrive 'default.toml') -Value $toml.Replace('"other"', '"default"')
            $null = Connect-PgCluster (Join-Path $TestDrive 'default.toml')
            Get-Completion 'Get-PgClusterNode -Name ' | Should -Be 'db01', 'db02', 'db03'
            Get-Completion 'Get-PgClusterNode -Connection other -Name ' | Should -Be 'pg01', 'pg02', 'pg03'
            Disconnect-PgCluster other
        }

        It 'offers the values of enumerations' {
            Get-Completion 'Invoke-PgFailover -BlockerPolicy ' | Should -Be 'Abort', 'Terminate', 'Wait'
        }

        It 'never throws' {
            foreach ($type in 'Node', 'Pooler', 'Session', 'Playground') {
                $completer = "PgCluster.Cmdlets.${type}Completer" -as [type]
                { $completer::new().CompleteArgument($null, $null, $null, $null, $null) } | Should -Not -Throw
            }
        }
    }

    Context 'Playgrounds on this system' {
        if ($IsLinux) {
            It 'are not found by a name that does not exist' {
                (Get-ErrorOf { Get-PgPlayground no-such-playground -ErrorAction Stop }).FullyQualifiedErrorId | Should -Match '^PlaygroundNotFound,'
                Get-PgPlayground no-such-* | Should -BeNullOrEmpty
            }

            It 'have with Pacemaker what it needs: <Parameters>' -ForEach @{ Parameters = @{ Nodes = 2 } }, @{ Parameters = @{ EtcdMembers = 5 } }, @{ Parameters = @{ Asynchronous = $true } } {
                (Get-ErrorOf { New-PgPlayground no-such-playground -Manager Pacemaker @parameters }).FullyQualifiedErrorId | Should -Match '^InvalidArgument,'
            }
        }
        else {
            It 'are for Linux' {
                (Get-ErrorOf { New-PgPlayground }).FullyQualifiedErrorId | Should -Match '^NotSupportedHere,'
            }
        }
    }

    Context 'Measure-PgWriteGap' {
        It 'says that the route takes no commit, and shows no password' {
            $failure = Get-ErrorOf { Measure-PgWriteGap { throw 'not to be run' } -Uri 'postgresql://nobody:geheim@127.0.0.1:1/none' }
            $failure.FullyQualifiedErrorId | Should -Match '^PostgresUnavailable,'
            ($failure | Out-String) + $failure.Exception.ToString() | Should -Not -Match 'geheim'
        }
    }
}
