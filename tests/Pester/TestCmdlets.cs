// Cmdlets for the tests of the asynchronous base: compiled by AsyncCmdlet.Tests.ps1, never part of the module.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using System.Threading.Tasks;
using PgCluster;
using PgCluster.Cmdlets;

namespace PgCluster.Tests;

/// <summary>What the test cmdlets saw, for the tests to read.</summary>
public static class Probe
{
    public static int Produced;
    public static int Closed;
    public static volatile bool Cancelled;
    public static volatile bool Finished;
    public static volatile string Outcome;
    public static int PipelineThread;
    public static int QuestionThread;
    public static int ContinuationThread;
    public static TaskCompletionSource Gate;
    public static TaskCompletionSource Entered;
    public static Task Late;

    public static void Reset()
    {
        Produced = Closed = PipelineThread = QuestionThread = ContinuationThread = 0;
        Cancelled = Finished = false;
        Outcome = "";
        Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Late = Task.CompletedTask;
    }
}

[Cmdlet(VerbsDiagnostic.Test, "AsyncBase", SupportsShouldProcess = true)]
public sealed class TestAsyncBaseCommand : AsyncPgCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Mode { get; set; }

    [Parameter(ValueFromPipeline = true)]
    public int Item { get; set; }

    [Parameter]
    public int Count { get; set; } = 10;

    [Parameter]
    public ScriptBlock ScriptBlock { get; set; }

    protected override void PrepareBegin()
    {
        Probe.PipelineThread = Environment.CurrentManagedThreadId;
        if (Mode == "PrepareFails")
        {
            throw new PgClusterException(Reason.InvalidArgument, "refused before it began");
        }
    }

    protected override ValueTask CloseAsync()
    {
        Interlocked.Increment(ref Probe.Closed);
        return ValueTask.CompletedTask;
    }

    protected override async Task BeginAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        if (Mode == "Hooks")
        {
            await Task.Yield();
            await pipeline.WriteAsync("begin");
        }
    }

    protected override async Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        if (Mode == "Hooks")
        {
            await Task.Yield();
            await pipeline.WriteAsync("end");
        }
    }

    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        try
        {
            await WorkAsync(pipeline, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Probe.Cancelled = true;
            throw;
        }
        finally
        {
            Probe.Finished = true;
        }
    }

    private async Task WorkAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        switch (Mode)
        {
            case "Hooks":
                await pipeline.WriteAsync($"process {Item}");
                break;

            case "Stream":
                for (var i = 1; i <= Count; i++)
                {
                    await pipeline.WriteAsync(i);
                    Interlocked.Increment(ref Probe.Produced);
                }

                break;

            case "Endless":
                for (var i = 1; ; i++)
                {
                    await pipeline.WriteAsync(i);
                    Interlocked.Increment(ref Probe.Produced);
                    await Task.Delay(1, cancellationToken);
                }

            case "Silent":
                Probe.Entered.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancellationToken);
                break;

            case "Order":
                await pipeline.WriteAsync("one");
                pipeline.Warning("two");
                await pipeline.WriteErrorAsync(Error("three"));
                pipeline.Verbose("four");
                pipeline.Debug("five");
                await pipeline.WriteAsync("six");
                break;

            case "ErrorThenMore":
                await pipeline.WriteErrorAsync(Error("first"));
                for (var i = 0; i < Count; i++)
                {
                    await pipeline.WriteAsync(i);
                    Interlocked.Increment(ref Probe.Produced);
                    await Task.Delay(1, cancellationToken);
                }

                break;

            case "Throw":
                throw new PgClusterException(Reason.LockHeld, "somebody else has it") { Target = "pg02" };

            case "ThrowReport":
                throw new PgClusterException(Reason.StepTimeout, "the step was slow")
                {
                    Target = "pg02",
                    Report = new OperationReport
                    {
                        Id = "op1", Kind = "failover", Cluster = "c", Outcome = OperationOutcome.RolledBack, StartedAt = DateTimeOffset.UnixEpoch, Steps = [],
                    },
                };

            case "ThrowUnknown":
                throw new FormatException("a defect");

            case "ForeignCancel":
                using (var other = new CancellationTokenSource())
                {
                    other.Cancel();
                    other.Token.ThrowIfCancellationRequested();
                }

                break;

            case "Progress":
                for (var i = 0; i < Count; i++)
                {
                    pipeline.Progress(new ProgressRecord(1, "activity", $"item {i}"));
                    await Task.Delay(1, cancellationToken);
                }

                break;

            case "ProgressTrailing":
                pipeline.Progress(new ProgressRecord(1, "activity", "first"));
                pipeline.Progress(new ProgressRecord(1, "activity", "last"));
                await pipeline.WriteAsync("ready");
                await Probe.Gate.Task.WaitAsync(cancellationToken);
                break;

            case "Should":
            {
                var (yes, whatIf) = await pipeline.ShouldProcessAsync("Do the thing to pg02", "Really?", "Test");
                Probe.ContinuationThread = Environment.CurrentManagedThreadId;
                Probe.Outcome = $"yes={yes} whatIf={whatIf}";
                await pipeline.WriteAsync(Probe.Outcome);
                break;
            }

            case "Continue":
                await pipeline.WriteAsync(await pipeline.ShouldContinueAsync("Really?", "Test"));
                break;

            case "Ask":
            {
                var thread = await pipeline.AskAsync(_ => Environment.CurrentManagedThreadId);
                Probe.QuestionThread = thread;
                Probe.ContinuationThread = Environment.CurrentManagedThreadId;
                break;
            }

            case "AskStopped":
                Probe.Entered.TrySetResult();
                await Probe.Gate.Task;
                try
                {
                    await pipeline.AskAsync(_ => 1);
                }
                catch (OperationCanceledException)
                {
                    Probe.Outcome = "refused";
                    throw;
                }

                break;

            case "Nested":
                foreach (var item in await pipeline.AskAsync(cmdlet => cmdlet.InvokeCommand.InvokeScript(false, ScriptBlock, null)))
                {
                    await pipeline.WriteAsync(item);
                }

                break;

            case "Late":
                Probe.Late = Task.Run(async () =>
                {
                    await Probe.Gate.Task;
                    await pipeline.WriteAsync("late");
                    await pipeline.WriteErrorAsync(Error("late"));
                    pipeline.Verbose("late");
                    pipeline.Warning("late");
                    pipeline.Announce("late");
                    pipeline.Progress(new ProgressRecord(1, "late", "late"));
                    try
                    {
                        await pipeline.AskAsync(_ => 1);
                        Probe.Outcome = "answered";
                    }
                    catch (OperationCanceledException)
                    {
                        Probe.Outcome = "refused";
                    }
                });
                await pipeline.WriteAsync("in time");
                break;

            case "Forgotten":
            {
                var writes = Enumerable.Range(0, 500).Select(i => pipeline.WriteAsync(i)).ToArray();
                Probe.Late = Task.WhenAll(writes);
                break;
            }

            case "Announce":
                try
                {
                    Probe.Entered.TrySetResult();
                    await pipeline.WriteAsync("ready");
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    pipeline.Warning("lost");
                    pipeline.Announce("undone");
                    throw;
                }

                break;

            case "SlowUndo":
                try
                {
                    Probe.Entered.TrySetResult();
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
                finally
                {
                    await Task.Delay(300, CancellationToken.None);
                    Probe.Outcome = "undone";
                }

                break;

            default:
                throw new ArgumentException(Mode);
        }
    }

    private static ErrorRecord Error(string id) => new(new InvalidOperationException($"error {id}"), id, ErrorCategory.InvalidOperation, id);
}
