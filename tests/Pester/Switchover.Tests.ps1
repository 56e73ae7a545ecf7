# On real databases: pairs of them on the one server of a playground.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $name = "switch$PID"
    $playground = New-PgPlayground $name -Nodes 1
    $server = $playground.Servers[0].Uri -replace '/[^/]*$'

    # The same for all that take part; shorter than the default, because no node of an application has to answer.
    $quick = @{ HelloWindow = 0.5 }
    $WarningPreference = 'SilentlyContinue'
    $script:pairs = 0

    function Invoke-Sql {
        param([string] $Uri, [string] $Sql)

        $said = psql -XqAt -v ON_ERROR_STOP=1 -v VERBOSITY=verbose $Uri -c $Sql 2>&1
        if ($LASTEXITCODE) { throw "$said" }
        $said
    }

    # A source with rows and an empty target of the same schema.
    function New-DatabasePair {
        $script:pairs++
        $pair = "$server/old$pairs", "$server/new$pairs"
        foreach ($uri in $pair) {
            Invoke-Sql "$server/postgres" "create database $($uri.Split('/')[-1])"
            Invoke-Sql $uri 'create table orders (id bigint generated always as identity primary key, what text); create table parts (a int, b int, primary key (a, b))'
        }

        Invoke-Sql $pair[0] "insert into orders (what) select 'order ' || g from generate_series(1, 1000) g; insert into parts select g, g from generate_series(1, 100) g"
        $pair
    }

    # Everything in a database, rows included. Newer versions of pg_dump begin with a line that is different each time.
    function Get-DatabaseDump {
        param([string] $Uri)

        $text = @(pg_dump --inserts $Uri) -notmatch '^\\(un)?restrict'
        $LASTEXITCODE | Should -Be 0
        $text -join "`n"
    }

    # The error of a script that must change nothing on either side.
    function Get-RefusalOf {
        param([string[]] $Pair, [scriptblock] $Script)

        $before = $Pair | ForEach-Object { Get-DatabaseDump $_ }
        $failure = Get-ErrorOf $Script
        ($Pair | ForEach-Object { Get-DatabaseDump $_ }) | Should -Be $before
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $failure
    }

    function Get-IdOf {
        param([Management.Automation.ErrorRecord] $Failure)

        $Failure.FullyQualifiedErrorId.Split(',')[0]
    }
}

AfterAll {
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'A switchover' -Tag Cluster {
    BeforeAll { $old, $new = New-DatabasePair }

    It 'is prepared' {
        $status = New-PgSwitchover $old $new -Engine Changelog -Stop ReadOnly -Verify Full -Limit $quick
        $status | Should -BeOfType PgCluster.SwitchoverStatus
        $status.SourceUri | Should -Be $old
        $status.TargetUri | Should -Be $new
        $status.SourcePointer | Should -Be 'Idle'
        $status.InCharge | Should -Match "/$($old.Split('/')[-1])$"
        $status.Options.Stop | Should -Be 'ReadOnly'
        $status.Options.Verify | Should -Be 'Full'
        ($status | Out-String) | Should -Match 'In charge'
    }

    It 'is tested: every check with its evidence, and none against it' {
        Test-PgSwitchover $old $new -Limit $quick | Should -BeTrue
        $plan = Get-PgSwitchover $old $new | Test-PgSwitchover -Limit $quick -Detailed
        $plan | Should -BeOfType PgCluster.OperationPlan
        $plan.Checks.Count | Should -BeGreaterThan 20
        $plan.Checks | Should -BeOfType PgCluster.PreflightCheck
        # Nobody can ask a server how much room its disk has.
        $plan.Checks | Where-Object Status -NE 'Passed' | ForEach-Object Name | Should -Be 'DiskSpace'
        $plan.Checks | Where-Object { -not $_.Evidence } | Should -BeNullOrEmpty
        ($plan | Out-String) | Should -Match 'Switchover of'
    }

    It 'shows its steps with -WhatIf and changes nothing' {
        $before = (Get-DatabaseDump $old), (Get-DatabaseDump $new)
        $steps = Get-PgSwitchover $old $new | Start-PgSwitchover -Limit $quick -WhatIf
        $steps | Should -BeOfType PgCluster.PlanStep
        $steps.Name | Should -Contain 'copy'
        $steps | Where-Object PointOfNoReturn | ForEach-Object Name | Should -Be 'flip'
        (Get-DatabaseDump $old), (Get-DatabaseDump $new) | Should -Be $before
    }

    It 'is not done without an answer where nobody can be asked' {
        $null = Get-ErrorOf { Start-PgSwitchover $old $new -Limit $quick -Wait }
        (Get-PgSwitchover $old $new).SourcePointer | Should -Be 'Idle'
    }

    It 'moves everything and returns its report (SW-8)' {
        $report = Start-PgSwitchover $old $new -Limit $quick -Wait -Reason 'a test' -Confirm:$false
        $report | Should -BeOfType PgCluster.OperationReport
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $report.Why | Should -Be 'a test'
        $report.NewPrimary | Should -Match "/$($new.Split('/')[-1])$"
        $report.PausedSeconds | Should -BeGreaterThan 0
        $report.PausedSeconds | Should -BeLessThan $report.DurationSeconds
        @($report.Steps | Where-Object Succeeded -EQ $false) | Should -BeNullOrEmpty
        ($report | Out-String) | Should -Match 'Switchover of .*: Succeeded'
        Invoke-Sql $new 'select count(*) from orders' | Should -Be 1000
        Invoke-Sql $new 'select count(*) from parts' | Should -Be 100
    }

    It 'leaves the target in charge' {
        $status = Get-PgSwitchover $old $new
        $status.State | Should -Be 'Done'
        $status.SourcePointer | Should -Be 'UseNextDb'
        $status.TargetPointer | Should -Be 'Idle'
        $status.InCharge | Should -Match "/$($new.Split('/')[-1])$"
        $status.WayBack | Should -BeTrue
        { Invoke-Sql $old "insert into orders (what) values ('late')" } | Should -Throw '*25006*'
        Invoke-Sql $new "insert into orders (what) values ('in time') returning id" | Should -Be 1001
    }

    It 'is not reset, prepared or started again' {
        $pair = $old, $new
        Get-IdOf (Get-RefusalOf $pair { Reset-PgSwitchover $old $new -Limit $quick }) | Should -Be 'StaleDatabase'
        Get-IdOf (Get-RefusalOf $pair { New-PgSwitchover $old $new }) | Should -Be 'StaleDatabase'
        Get-IdOf (Get-RefusalOf $pair { Start-PgSwitchover $old $new -Confirm:$false }) | Should -Be 'PreflightFailed'
        (Get-PgSwitchover $old $new).State | Should -Be 'Done'
    }

    It 'goes back with what was written meanwhile' {
        Test-PgSwitchover $old $new -Rollback -Limit $quick | Should -BeTrue
        $report = Start-PgSwitchover $old $new -Rollback -Limit $quick -Wait -Confirm:$false
        $report.Outcome | Should -Be 'Succeeded' -Because $report.Error
        $report.NewPrimary | Should -Match "/$($old.Split('/')[-1])$"
        Invoke-Sql $old "select what from orders where id = 1001" | Should -Be 'in time'
        Invoke-Sql $old "insert into orders (what) values ('back') returning id" | Should -Be 1002
        { Invoke-Sql $new "insert into orders (what) values ('late')" } | Should -Throw '*25006*'
        (Get-PgSwitchover $old $new).InCharge | Should -Match "/$($old.Split('/')[-1])$"
    }

    It 'is completed: nothing flows any more' {
        (Get-PgSwitchover $old $new).Lag | Should -Not -BeNullOrEmpty
        $status = Complete-PgSwitchover $old $new -Confirm:$false
        $status.Lag | Should -BeNullOrEmpty
        Test-PgSwitchover $old $new -Rollback -Limit $quick | Should -BeFalse
        Get-IdOf (Get-ErrorOf { Start-PgSwitchover $old $new -Rollback -Confirm:$false }) | Should -Be 'SwitchoverNotReady'
    }

    It 'has left its messages in the log, without gaps' {
        $log = Get-PgSwitchoverLog $old $new
        $log | Should -BeOfType PgCluster.SwitchoverLogEntry
        $log.Id | Should -Be @(1..$log.Count)
        foreach ($type in 'hello', 'reset', 'reset-end', 'execute', 'pause', 'paused', 'done') {
            $log.Type | Should -Contain $type
        }

        (Get-PgSwitchoverLog $old $new -After 3)[0].Id | Should -Be 4
        (Get-PgSwitchoverLog $old $new -Last 1).Id | Should -Be $log.Count
        (Get-PgSwitchoverLog $new $old).Type | Should -Contain 'done'
        ($log | Out-String) | Should -Match 'reset-end'
    }
}

Describe 'A switchover in the background' -Tag Cluster {
    BeforeAll { $old, $new = New-DatabasePair }

    It 'is stopped, leaves the source in charge, is reset and then done' {
        $patient = @{ HelloWindow = 1.5 }
        $writer = [Diagnostics.ProcessStartInfo]::new('psql')
        '-X', '-q', '-v', 'ON_ERROR_STOP=1', $old | ForEach-Object { $writer.ArgumentList.Add($_) }
        $writer.RedirectStandardInput = $true
        $writer.RedirectStandardOutput = $true
        $client = [Diagnostics.Process]::Start($writer)
        try {
            # An open write keeps the run from tracking the table.
            $client.StandardInput.WriteLine("begin; insert into orders (what) values ('open') returning id;")
            $client.StandardInput.Flush()
            [void]$client.StandardOutput.ReadLine()
            $operation = New-PgSwitchover $old $new -Engine Changelog -Stop ReadOnly -Limit $patient | Start-PgSwitchover -Limit $patient -Confirm:$false
            $operation | Should -BeOfType PgCluster.SwitchoverOperation
            $operation.IsCompleted | Should -BeFalse
            $operation.Report | Should -BeNullOrEmpty
            Wait-Until { (Get-PgSwitchover $old $new -Limit $patient).State -eq 'Syncing' } 'the run to begin'
            (Get-PgSwitchover $old $new -Limit $patient).SourcePointer | Should -Be 'InProgress'

            Stop-PgSwitchover $old $new -Limit $patient -Reason 'the release is off' | Should -BeNullOrEmpty
            $operation.Wait(20) | Should -BeTrue
        }
        finally {
            $client.Kill()
            $client.Dispose()
        }

        $operation.IsCompleted | Should -BeTrue
        $operation.Report.Outcome | Should -Be 'RolledBack'
        $operation.Report.ErrorReason | Should -Be 'SwitchoverCalledOff'
        $operation.Report.Error | Should -Match 'the release is off'
        ($operation | Out-String) | Should -Match 'RolledBack'
        $status = Get-PgSwitchover $old $new -Limit $patient
        $status.SourcePointer | Should -Be 'Idle'
        $status.InCharge | Should -Match "/$($old.Split('/')[-1])$"
        Invoke-Sql $old "insert into orders (what) values ('goes on')"

        (Reset-PgSwitchover $old $new -Limit $patient).State | Should -Be 'Idle'
        Invoke-Sql $old 'select count(*) from pg_trigger where not tgisinternal' | Should -Be 0

        $again = Start-PgSwitchover $old $new -Limit $quick -Confirm:$false
        $again.Wait(30) | Should -BeTrue
        $again.Error | Should -BeNullOrEmpty
        $again.Report.Outcome | Should -Be 'Succeeded'
        Invoke-Sql $new 'select count(*) from orders' | Should -Be 1001
    }
}

Describe 'A switchover by the poolers of a cluster' -Tag Cluster {
    It 'leads their clients to the other database, and back' {
        $app = "$server/app"
        $next = "$server/app_next"
        Invoke-Sql "$server/postgres" 'create database app_next owner app'
        Invoke-Sql $app 'create table orders (id int primary key); insert into orders values (1); grant all on orders to app'
        $switchover = New-PgSwitchover $app $next -CopySchema -Limit $quick
        $refused = Get-RefusalOf ($app, $next) { $switchover | Start-PgSwitchover -Limit $quick -Wait -Confirm:$false }
        Get-IdOf $refused | Should -Be 'NotConnected'
        "$refused" | Should -Match '-Stop ReadOnly'

        $session = $playground | Connect-PgCluster
        try {
            ($switchover | Start-PgSwitchover -Limit $quick -Wait -Confirm:$false).Outcome | Should -Be 'Succeeded'
            Invoke-Sql $playground.ClientUri 'select current_database()' | Should -Be 'app_next'
            Invoke-Sql $playground.ClientUri 'insert into orders values (2)'
            (Get-PgClusterHistory -First 1).Kind | Should -Be 'switchover'
            ($switchover | Start-PgSwitchover -Rollback -Limit $quick -Wait -Confirm:$false).Outcome | Should -Be 'Succeeded'
            Invoke-Sql $playground.ClientUri 'select current_database()' | Should -Be 'app'
            Invoke-Sql $playground.ClientUri 'select count(*) from orders' | Should -Be 2
            (Get-PgPooler).State | Sort-Object -Unique | Should -Be 'Active'
        }
        finally {
            Disconnect-PgCluster $session
        }
    }
}

Describe 'Bad input to a switchover' -Tag Cluster {
    BeforeAll { $old, $new = $pair = New-DatabasePair }

    It 'is refused for a URI that cannot be read, and says which' {
        $failure = Get-RefusalOf $pair { New-PgSwitchover nonsense $new }
        Get-IdOf $failure | Should -Be 'InvalidArgument'
        "$failure" | Should -Match '^SourceUri: .*postgresql://user@host:port/database'
        $failure.TargetObject | Should -Be 'SourceUri'
        "$(Get-RefusalOf $pair { New-PgSwitchover $old 'postgresql://me:secret@h/a/b' })" | Should -Match '^TargetUri: (?!.*secret)'
    }

    It 'is refused for the same database twice' {
        $failure = Get-RefusalOf $pair { New-PgSwitchover $old $old }
        Get-IdOf $failure | Should -Be 'PreflightFailed'
        "$failure" | Should -Match 'the same database'
        Test-PgSwitchover $old $old | Should -BeFalse
    }

    It 'is refused for a limit that there is not, or that cannot be used' {
        $failure = Get-RefusalOf $pair { New-PgSwitchover $old $new -Limit @{ LokTimeout = 1 } }
        Get-IdOf $failure | Should -Be 'InvalidArgument'
        "$failure" | Should -Match "'LokTimeout' is not one of LockTimeout,"
        "$(Get-RefusalOf $pair { New-PgSwitchover $old $new -Limit @{ LockTimeout = 'soon' } })" | Should -Match 'number of seconds'
        $failure = Get-RefusalOf $pair { New-PgSwitchover $old $new -Limit @{ HelloWindow = 0.1 } }
        Get-IdOf $failure | Should -Be 'InvalidConfiguration'
        "$failure" | Should -Match 'PollInterval .* must be less than HelloWindow'
    }

    It 'is refused for a server that does not answer, and says which' {
        $failure = Get-RefusalOf $pair { New-PgSwitchover 'postgresql://postgres@127.0.0.1:1/a' $new }
        Get-IdOf $failure | Should -Be 'PostgresUnavailable'
        "$failure" | Should -Match 'source 127\.0\.0\.1:1/a'
    }

    It 'is refused before New-PgSwitchover: <_>' -ForEach 'Start', 'Get', 'Stop', 'Reset', 'Complete' {
        $verb = $_
        $asks = $verb -in 'Start', 'Complete' ? @{ Confirm = $false } : @{}
        $failure = Get-RefusalOf $pair { & "$verb-PgSwitchover" $old $new @asks }
        Get-IdOf $failure | Should -Be 'SwitchoverNotReady'
        "$failure" | Should -Match 'New-PgSwitchover'
    }

    It 'changes nothing with -WhatIf' {
        $before = $pair | ForEach-Object { Get-DatabaseDump $_ }
        New-PgSwitchover $old $new -WhatIf | Should -BeNullOrEmpty
        ($pair | ForEach-Object { Get-DatabaseDump $_ }) | Should -Be $before
    }

    It 'is refused for a target that holds rows or lacks tables' {
        Invoke-Sql $new "insert into parts values (7, 7); drop table orders"
        $null = New-PgSwitchover $old $new -Engine Changelog -Stop ReadOnly -Limit $quick
        $failure = Get-RefusalOf $pair { Start-PgSwitchover $old $new -Limit $quick -Wait -Confirm:$false }
        Get-IdOf $failure | Should -Be 'PreflightFailed'
        "$failure" | Should -Match 'public\.orders is missing on the target.*CopySchema'
        "$failure" | Should -Match 'public\.parts: tables of the target that hold rows.*TruncateTarget'
        Test-PgSwitchover $old $new -Limit $quick | Should -BeFalse
        Get-IdOf (Get-RefusalOf $pair { Start-PgSwitchover $old $new -Rollback -Limit $quick -Confirm:$false }) | Should -Be 'SwitchoverNotReady'
    }
}
