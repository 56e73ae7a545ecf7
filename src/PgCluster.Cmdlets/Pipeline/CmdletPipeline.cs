using System.Collections.Concurrent;
using System.Management.Automation;
using System.Runtime.ExceptionServices;

namespace PgCluster.Cmdlets;

/// <summary>
/// How the work of a cmdlet talks to PowerShell, from any thread. Only the pipeline thread touches the cmdlet: it takes what is
/// queued here, in order, until the work is over.
/// </summary>
public sealed class CmdletPipeline : IDisposable
{
    /// <summary>Records that may wait for a slow consumer; who writes more waits for it.</summary>
    public const int Capacity = 64;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);

    // A connection outlives the cmdlets that use it; what it logs belongs to the one whose work is asking.
    private static readonly AsyncLocal<CmdletPipeline?> Ambient = new();

    private readonly AsyncPgCmdlet _cmdlet;
    private readonly CancellationTokenSource _cancel;
    private readonly CancellationToken _token;
    private readonly BlockingCollection<Item> _queue = [];
    private readonly SemaphoreSlim _slots = new(Capacity);
    private readonly Lock _gate = new();
    private readonly Dictionary<int, ProgressRecord> _progress = [];
    private readonly Dictionary<int, ProgressRecord> _shown = [];
    private readonly TimeProvider _time = TimeProvider.System;
    private long _lastProgress;
    private bool _anyProgress;
    private volatile bool _completed;

    internal CmdletPipeline(AsyncPgCmdlet cmdlet, CancellationTokenSource cancel)
    {
        _cmdlet = cmdlet;
        _cancel = cancel;
        _token = cancel.Token;
    }

    /// <summary>The pipeline of the work that this code runs for; null outside of any.</summary>
    internal static CmdletPipeline? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>Writes an object; waits while <see cref="Capacity"/> of them are not taken yet. Dropped when the cmdlet is over.</summary>
    /// <exception cref="OperationCanceledException">The cmdlet was stopped.</exception>
    public Task WriteAsync(object value) => WriteBoundedAsync(cmdlet => cmdlet.WriteObject(value, enumerateCollection: false));

    /// <summary>Writes a non-terminating error; waits as <see cref="WriteAsync"/> does.</summary>
    /// <exception cref="OperationCanceledException">The cmdlet was stopped.</exception>
    public Task WriteErrorAsync(ErrorRecord error) => WriteBoundedAsync(cmdlet => cmdlet.WriteError(error));

    /// <summary>What is being done to whom.</summary>
    public void Verbose(string text) => Post(cmdlet => cmdlet.WriteVerbose(text));

    /// <summary>Detail for those who look for a fault.</summary>
    public void Debug(string text) => Post(cmdlet => cmdlet.WriteDebug(text));

    /// <summary>Something unexpected that does not keep the cmdlet from going on.</summary>
    public void Warning(string text) => Post(cmdlet => cmdlet.WriteWarning(text));

    /// <summary>
    /// A warning that is seen also while the cmdlet is being stopped, when PowerShell takes nothing on its streams any more: then it
    /// goes to the host.
    /// </summary>
    public void Announce(string text) => Enqueue(new Item(
        cmdlet =>
        {
            try
            {
                if (!_token.IsCancellationRequested)
                {
                    cmdlet.WriteWarning(text);
                    return;
                }
            }
            catch (PipelineStoppedException)
            {
                // Stopped in this very moment: the host it is.
            }

            cmdlet.Host?.UI?.WriteWarningLine(text);
        },
        Refuse: null,
        Always: true));

    /// <summary>Shows progress: the latest of each activity, five times a second at most. Its completion is written by the pipeline.</summary>
    public void Progress(ProgressRecord record)
    {
        lock (_gate)
        {
            // What is shown later must not change under the hands of who wrote it.
            _progress[record.ActivityId] = new ProgressRecord(record.ActivityId, record.Activity, record.StatusDescription)
            {
                CurrentOperation = record.CurrentOperation,
                ParentActivityId = record.ParentActivityId,
                PercentComplete = record.PercentComplete,
                SecondsRemaining = record.SecondsRemaining,
                RecordType = record.RecordType,
            };
        }

        Post(static _ => { });
    }

    /// <summary>Does something on the pipeline thread that only it may do, and returns what came of it.</summary>
    /// <exception cref="OperationCanceledException">The cmdlet is over, was stopped, or PowerShell ended it while it was asked.</exception>
    public Task<T> AskAsync<T>(Func<PSCmdlet, T> question)
    {
        // Without this option the work would go on inside SetResult, on the pipeline thread.
        var reply = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var queued = Enqueue(new Item(
            cmdlet => reply.TrySetResult(question(cmdlet)),
            () => reply.TrySetCanceled(_token.IsCancellationRequested ? _token : new CancellationToken(canceled: true)),
            Always: false));
        if (!queued)
        {
            reply.TrySetCanceled(new CancellationToken(canceled: true));
        }

        return reply.Task;
    }

    /// <summary>ShouldProcess, with what kept it from being asked.</summary>
    /// <param name="description">What -WhatIf prints.</param>
    /// <param name="warning">What -Confirm asks.</param>
    /// <param name="caption">The question's title.</param>
    public Task<(bool Yes, bool WhatIf)> ShouldProcessAsync(string description, string warning, string caption) => AskAsync(cmdlet =>
    {
        var yes = cmdlet.ShouldProcess(description, warning, caption, out var reason);
        return (yes, (reason & ShouldProcessReason.WhatIf) != 0);
    });

    /// <summary>
    /// ShouldProcess for a cmdlet whose impact shows only in its plan: what is severe is asked about as if the cmdlet were of high impact, unless -Confirm was
    /// given or nothing is to be asked.
    /// </summary>
    /// <param name="description">What -WhatIf prints.</param>
    /// <param name="warning">What is asked.</param>
    /// <param name="caption">The question's title.</param>
    /// <param name="isSevere">True when it cannot be taken back.</param>
    public Task<(bool Yes, bool WhatIf)> ShouldProcessAsync(string description, string warning, string caption, bool isSevere) => AskAsync(cmdlet =>
    {
        var yes = cmdlet.ShouldProcess(description, warning, caption, out var reason);
        var asksNow = isSevere && !cmdlet.MyInvocation.BoundParameters.ContainsKey("Confirm")
            && LanguagePrimitives.TryConvertTo<ConfirmImpact>(cmdlet.GetVariableValue("ConfirmPreference"), out var asked) && asked == ConfirmImpact.High;
        return (yes && (!asksNow || cmdlet.ShouldContinue(warning, caption)), (reason & ShouldProcessReason.WhatIf) != 0);
    });

    /// <summary>ShouldContinue: a question that -Confirm:$false does not answer.</summary>
    /// <param name="query">The question.</param>
    /// <param name="caption">Its title.</param>
    public Task<bool> ShouldContinueAsync(string query, string caption) => AskAsync(cmdlet => cmdlet.ShouldContinue(query, caption));

    /// <inheritdoc/>
    public void Dispose() => _queue.Dispose();

    /// <summary>The work is over: what is written from now on is dropped, what is asked is refused.</summary>
    internal void Complete()
    {
        lock (_gate)
        {
            _completed = true;
            _queue.CompleteAdding();
        }

        // Who still waits for a slot, forgotten by the work, finds the cmdlet over instead of waiting for ever.
        _slots.Release(int.MaxValue / 2);
    }

    /// <summary>
    /// Serves the queue on the pipeline thread until the work is over. When PowerShell throws at a write (-ErrorAction Stop, a consumer that has
    /// enough, Ctrl+C) the work is cancelled and waited for, and the exception is returned.
    /// </summary>
    internal ExceptionDispatchInfo? Pump()
    {
        ExceptionDispatchInfo? thrown = null;
        while (true)
        {
            if (_queue.TryTake(out var item, ProgressDue()))
            {
                Serve(item, ref thrown);
            }
            else if (_queue.IsCompleted)
            {
                break;
            }

            ShowProgress(ref thrown);
        }

        CompleteProgress(ref thrown);
        return thrown;
    }

    private void Serve(Item item, ref ExceptionDispatchInfo? thrown)
    {
        if (thrown is not null && !item.Always)
        {
            item.Refuse?.Invoke();
            return;
        }

        Try(item.Run, ref thrown);
        if (thrown is not null)
        {
            item.Refuse?.Invoke();
        }
    }

    private void Try(Action<AsyncPgCmdlet> action, ref ExceptionDispatchInfo? thrown)
    {
        try
        {
            action(_cmdlet);
        }
#pragma warning disable CA1031 // It is thrown again, the same, as soon as the work has ended.
        catch (Exception e)
#pragma warning restore CA1031
        {
            thrown ??= ExceptionDispatchInfo.Capture(e);
            _ = _cancel.CancelAsync();
        }
    }

    private async Task WriteBoundedAsync(Action<AsyncPgCmdlet> write)
    {
        if (_completed)
        {
            return;
        }

        await _slots.WaitAsync(_token).ConfigureAwait(false);
        Enqueue(new Item(
            cmdlet =>
            {
                write(cmdlet);
                _slots.Release();
            },
            Refuse: null,
            Always: false));
    }

    private void Post(Action<AsyncPgCmdlet> write) => Enqueue(new Item(write, Refuse: null, Always: false));

    private bool Enqueue(Item item)
    {
        lock (_gate)
        {
            if (_completed)
            {
                return false;
            }

            _queue.Add(item);
            return true;
        }
    }

    /// <summary>Milliseconds until something of the progress may be shown; -1 when nothing waits.</summary>
    private int ProgressDue()
    {
        lock (_gate)
        {
            if (_progress.Count == 0)
            {
                return Timeout.Infinite;
            }

            return _anyProgress ? (int)Math.Max(0, Math.Ceiling((ProgressInterval - _time.GetElapsedTime(_lastProgress)).TotalMilliseconds)) : 0;
        }
    }

    private void ShowProgress(ref ExceptionDispatchInfo? thrown)
    {
        if (ProgressDue() != 0)
        {
            return;
        }

        ProgressRecord[] due;
        lock (_gate)
        {
            due = [.. _progress.Values];
            _progress.Clear();
        }

        _lastProgress = _time.GetTimestamp();
        _anyProgress = true;
        foreach (var record in due)
        {
            if (thrown is null)
            {
                _shown[record.ActivityId] = record;
                Try(cmdlet => cmdlet.WriteProgress(record), ref thrown);
            }
        }
    }

    private void CompleteProgress(ref ExceptionDispatchInfo? thrown)
    {
        foreach (var record in _shown.Values.Where(r => r.RecordType != ProgressRecordType.Completed))
        {
            // A new record: the one shown before may be kept by whoever collects them.
            var over = new ProgressRecord(record.ActivityId, record.Activity, record.StatusDescription) { RecordType = ProgressRecordType.Completed };

            // Also after an error: a bar that nobody takes away stays on the screen.
            Try(cmdlet => cmdlet.WriteProgress(over), ref thrown);
        }
    }

    private readonly record struct Item(Action<AsyncPgCmdlet> Run, Action? Refuse, bool Always);
}
