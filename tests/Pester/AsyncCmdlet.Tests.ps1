BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $module = Import-Module (Get-PackedModule) -PassThru
    $bin = Join-Path $module.ModuleBase 'bin'
    $references = @(
        Join-Path $bin 'PgCluster.Cmdlets.dll'
        Join-Path $bin 'PgCluster.Model.dll'
        [psobject].Assembly.Location
        (Get-ChildItem -Path (Join-Path $PSHOME 'ref') -Filter *.dll).FullName
    )
    $assembly = Join-Path $TestDrive 'TestCmdlets.dll'
    Add-Type -Path (Join-Path $PSScriptRoot 'TestCmdlets.cs') -ReferencedAssemblies $references -OutputAssembly $assembly -IgnoreWarnings -WarningAction SilentlyContinue
    $testModule = Import-Module $assembly -PassThru
    [PgCluster.Tests.Probe]::Reset()

    # A pipeline of its own, with all streams, that can be stopped from here.
    function New-Pipeline {
        param([string] $Script)

        $session = [initialsessionstate]::CreateDefault2()
        $shell = [powershell]::Create($session)
        [void]$shell.AddCommand('Import-Module').AddParameter('Name', $assembly).Invoke()
        $shell.Commands.Clear()
        $shell.Streams.ClearStreams()
        $shell.AddScript($Script)
    }
}

AfterAll {
    if ($testModule) { Remove-Module -ModuleInfo $testModule }
}

Describe 'The bridge between asynchronous work and the pipeline' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'runs the hooks in order, once per record' {
        1, 2 | Test-AsyncBase Hooks | Should -Be 'begin', 'process 1', 'process 2', 'end'
    }

    It 'keeps what is written to different streams in order' {
        $DebugPreference = 'Continue'
        $all = Test-AsyncBase Order -Verbose -ErrorAction Continue *>&1 | ForEach-Object { "$_" }
        $all | Should -Be 'one', 'two', 'error three', 'four', 'five', 'six'
    }

    It 'streams: the first record arrives while the work still runs' {
        $finished = Test-AsyncBase Endless | Select-Object -First 1 | ForEach-Object { [PgCluster.Tests.Probe]::Finished }
        $finished | Should -BeFalse
    }

    It 'lets no more records wait for a slow consumer than its capacity' {
        $ahead = 0
        $seen = 0
        Test-AsyncBase Stream -Count 5000 | ForEach-Object {
            $seen++
            if ($seen -le 3) {
                # Time for a producer without bounds to run away.
                Start-Sleep -Milliseconds 100
            }

            $ahead = [Math]::Max($ahead, [PgCluster.Tests.Probe]::Produced - $seen)
        }

        $seen | Should -Be 5000
        $ahead | Should -BeGreaterThan 10
        $ahead | Should -BeLessOrEqual ([PgCluster.Cmdlets.CmdletPipeline]::Capacity + 1)
    }

    It 'asks on the pipeline thread and goes on elsewhere' {
        Test-AsyncBase Ask
        [PgCluster.Tests.Probe]::QuestionThread | Should -Be ([PgCluster.Tests.Probe]::PipelineThread)
        [PgCluster.Tests.Probe]::ContinuationThread | Should -Not -Be ([PgCluster.Tests.Probe]::PipelineThread)
    }

    It 'runs a cmdlet of the same kind inside a question' {
        Test-AsyncBase Nested -ScriptBlock { 1, 2 | Test-AsyncBase Hooks } | Should -Be 'begin', 'process 1', 'process 2', 'end'
    }
}

Describe 'ShouldProcess and ShouldContinue from asynchronous work' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'says what would be done with -WhatIf and answers no' {
        $shell = New-Pipeline 'Test-AsyncBase Should -WhatIf'
        $shell.Invoke() | Should -Be 'yes=False whatIf=True'
        $shell.Dispose()
    }

    It 'answers yes with -Confirm:$false' {
        Test-AsyncBase Should -Confirm:$false | Should -Be 'yes=True whatIf=False'
    }

    It 'ends the work with the very error of a question that cannot be asked' {
        $caught = $null
        try { Test-AsyncBase Continue } catch { $caught = $_ }
        $caught | Should -Not -BeNullOrEmpty
        [PgCluster.Tests.Probe]::Finished | Should -BeTrue
        $caught.FullyQualifiedErrorId | Should -Not -Match '^Internal'
    }
}

Describe 'Errors of asynchronous work' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'rethrows what -ErrorAction Stop throws, after the work has been cancelled and has ended' {
        $caught = $null
        try { Test-AsyncBase ErrorThenMore -Count 100000 -ErrorAction Stop } catch { $caught = $_ }
        $caught.FullyQualifiedErrorId | Should -Be 'first,PgCluster.Tests.TestAsyncBaseCommand'
        $caught.Exception.Message | Should -Be 'error first'
        [PgCluster.Tests.Probe]::Finished | Should -BeTrue
        [PgCluster.Tests.Probe]::Cancelled | Should -BeTrue
        [PgCluster.Tests.Probe]::Produced | Should -BeLessThan 100000
    }

    It 'goes on after a non-terminating error' {
        $items = Test-AsyncBase ErrorThenMore -Count 5 -ErrorAction SilentlyContinue -ErrorVariable errors
        $items | Should -Be 0, 1, 2, 3, 4
        $errors[0].FullyQualifiedErrorId | Should -Be 'first,PgCluster.Tests.TestAsyncBaseCommand'
    }

    It 'makes an error with its id, category, target and recommended action out of a reason' {
        $caught = $null
        try { Test-AsyncBase Throw } catch { $caught = $_ }
        $caught.FullyQualifiedErrorId | Should -Be 'LockHeld,PgCluster.Tests.TestAsyncBaseCommand'
        $caught.CategoryInfo.Category | Should -Be 'ResourceBusy'
        $caught.TargetObject | Should -Be 'pg02'
        $caught.Exception | Should -BeOfType PgCluster.PgClusterException
        $caught.ErrorDetails.Message | Should -Be 'somebody else has it'
        $caught.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'has the report of a failed operation as target' {
        $caught = $null
        try { Test-AsyncBase ThrowReport } catch { $caught = $_ }
        $caught.TargetObject | Should -BeOfType PgCluster.OperationReport
    }

    It 'names a defect as one' {
        $caught = $null
        try { Test-AsyncBase ThrowUnknown } catch { $caught = $_ }
        $caught.FullyQualifiedErrorId | Should -Be 'Internal,PgCluster.Tests.TestAsyncBaseCommand'
        $caught.Exception | Should -BeOfType FormatException
    }

    It 'takes a cancellation that is not ours for a timeout' {
        $caught = $null
        try { Test-AsyncBase ForeignCancel } catch { $caught = $_ }
        $caught.FullyQualifiedErrorId | Should -Be 'StepTimeout,PgCluster.Tests.TestAsyncBaseCommand'
        $caught.CategoryInfo.Category | Should -Be 'OperationTimeout'
    }

    It 'reports what goes wrong before the work begins' {
        $caught = $null
        try { Test-AsyncBase PrepareFails } catch { $caught = $_ }
        $caught.FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Tests.TestAsyncBaseCommand'
    }

    It 'closes what the cmdlet opened, however it ended: <mode>' -ForEach @(
        @{ Mode = 'Hooks' }, @{ Mode = 'Throw' }, @{ Mode = 'PrepareFails' }
    ) {
        try { Test-AsyncBase $mode > $null } catch { $null = $_ }
        [PgCluster.Tests.Probe]::Closed | Should -Be 1
    }
}

Describe 'Stopping asynchronous work' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'ends at once when the consumer has enough, and waits for the work' {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        Test-AsyncBase Endless | Select-Object -First 3 | Should -Be 1, 2, 3
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
        [PgCluster.Tests.Probe]::Finished | Should -BeTrue
        [PgCluster.Tests.Probe]::Cancelled | Should -BeTrue
        [PgCluster.Tests.Probe]::Closed | Should -Be 1
    }

    It 'ends at once when it is stopped while it waits' {
        $shell = New-Pipeline 'Test-AsyncBase Silent'
        $running = $shell.BeginInvoke()
        [PgCluster.Tests.Probe]::Entered.Task.Wait(30000) | Should -BeTrue
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
        [PgCluster.Tests.Probe]::Cancelled | Should -BeTrue
        [PgCluster.Tests.Probe]::Closed | Should -Be 1
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        { $shell.EndInvoke($running) } | Should -Throw
        $shell.Dispose()
    }

    It 'is not over before the work has undone what it did' {
        $shell = New-Pipeline 'Test-AsyncBase SlowUndo'
        [void]$shell.BeginInvoke()
        [PgCluster.Tests.Probe]::Entered.Task.Wait(30000) | Should -BeTrue
        $shell.Stop()
        [PgCluster.Tests.Probe]::Outcome | Should -Be 'undone'
        $shell.Dispose()
    }

    It 'refuses a question that comes after the stop' {
        $shell = New-Pipeline 'Test-AsyncBase AskStopped'
        [void]$shell.BeginInvoke()
        [PgCluster.Tests.Probe]::Entered.Task.Wait(30000) | Should -BeTrue
        $stopping = $shell.BeginStop($null, $null)
        Wait-Until { $shell.InvocationStateInfo.State -eq 'Stopping' } 'the pipeline to be stopping'
        [PgCluster.Tests.Probe]::Gate.SetResult()
        $shell.EndStop($stopping)
        [PgCluster.Tests.Probe]::Finished | Should -BeTrue
        $shell.Dispose()
    }

    It 'tells the person at Ctrl+C what becomes of the work' -Skip:$IsWindows {
        $script = "Import-Module '$(Get-PackedModule)'; Import-Module '$assembly'; [PgCluster.Tests.Probe]::Reset(); Test-AsyncBase Announce"
        # A suite that runs in the background of a shell inherits an ignored SIGINT, and so would its child.
        $start = [Diagnostics.ProcessStartInfo]::new('/usr/bin/env')
        '--default-signal=INT', [Environment]::ProcessPath, '-NoLogo', '-NoProfile', '-NonInteractive', '-Command', $script | ForEach-Object { $start.ArgumentList.Add($_) }
        $start.RedirectStandardOutput = $true
        $start.RedirectStandardError = $true
        $start.RedirectStandardInput = $true
        $child = [Diagnostics.Process]::Start($start)
        try {
            $child.StandardOutput.ReadLineAsync().Wait(60000) | Should -BeTrue -Because 'the cmdlet has to be running'
            & /bin/kill -INT $child.Id
            $child.WaitForExit(30000) | Should -BeTrue -Because 'Ctrl+C ends it'
            $rest = $child.StandardOutput.ReadToEnd() + $child.StandardError.ReadToEnd()
            $rest | Should -Match 'undone'
            $rest | Should -Not -Match 'lost'
        }
        finally {
            if (-not $child.HasExited) { $child.Kill() }
            $child.Dispose()
        }
    }
}

Describe 'What comes too late' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'is dropped when it is output and refused when it is a question' {
        $all = Test-AsyncBase Late -Verbose *>&1
        $all | Should -Be 'in time'
        [PgCluster.Tests.Probe]::Gate.SetResult()
        [PgCluster.Tests.Probe]::Late.Wait(30000) | Should -BeTrue
        [PgCluster.Tests.Probe]::Late.IsFaulted | Should -BeFalse
        [PgCluster.Tests.Probe]::Outcome | Should -Be 'refused'
    }

    It 'does not wait for ever' {
        $null = Test-AsyncBase Forgotten
        [PgCluster.Tests.Probe]::Late.Wait(30000) | Should -BeTrue
    }
}

Describe 'Progress of asynchronous work' {
    BeforeEach { [PgCluster.Tests.Probe]::Reset() }

    It 'is shown five times a second at most, and taken away at the end' {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $shell = New-Pipeline 'Test-AsyncBase Progress -Count 500'
        [void]$shell.Invoke()
        $records = $shell.Streams.Progress.ReadAll()
        $records.Count | Should -BeGreaterThan 2
        $records.Count | Should -BeLessOrEqual ($clock.Elapsed.TotalSeconds * 5 + 3)
        $records[-1].RecordType | Should -Be 'Completed'
        @($records | Where-Object RecordType -EQ 'Completed').Count | Should -Be 1
        $shell.Dispose()
    }

    It 'shows the last state although it came too soon after the one before' {
        $shell = New-Pipeline 'Test-AsyncBase ProgressTrailing'
        $running = $shell.BeginInvoke()
        Wait-Until { $shell.Streams.Progress.Count -gt 0 -and $shell.Streams.Progress[-1].StatusDescription -eq 'last' } 'the last progress to be shown'
        [PgCluster.Tests.Probe]::Gate.SetResult()
        [void]$shell.EndInvoke($running)
        $shell.Dispose()
    }
}
