using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>
/// Base of every cmdlet: its work is asynchronous and runs off the pipeline thread; what it wants to say or ask goes through a
/// <see cref="CmdletPipeline"/>, which the pipeline thread serves until the work is over. The work never outlives its cmdlet.
/// </summary>
public abstract class AsyncPgCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Cancelled by Ctrl+C and whatever else stops the pipeline.</summary>
    protected CancellationToken StopToken => _stop.Token;

    /// <summary>On the pipeline thread, before <see cref="BeginAsync"/>: for what only that thread may do, such as resolving paths.</summary>
    protected virtual void PrepareBegin()
    {
    }

    /// <summary>On the pipeline thread, before each <see cref="ProcessAsync"/>.</summary>
    protected virtual void PrepareProcess()
    {
    }

    /// <summary>Once, before the first record.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="cancellationToken">Cancelled when the cmdlet is stopped or nobody takes its output any more.</param>
    protected virtual Task BeginAsync(CmdletPipeline pipeline, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>For each record.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="cancellationToken">Cancelled when the cmdlet is stopped or nobody takes its output any more.</param>
    protected virtual Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Once, after the last record.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="cancellationToken">Cancelled when the cmdlet is stopped or nobody takes its output any more.</param>
    protected virtual Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Closes what the cmdlet opened, however it ended. Must not write and must not throw.</summary>
    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    protected sealed override void BeginProcessing()
    {
        Guard(PrepareBegin);
        Run(BeginAsync);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        Guard(PrepareProcess);
        Run(ProcessAsync);
    }

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Run(EndAsync);

    /// <inheritdoc/>
    protected sealed override void StopProcessing()
    {
        try
        {
            // Not Cancel(): its callbacks would run the work's continuations on the thread that handles Ctrl+C.
            _ = _stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The cmdlet ended while it was being stopped.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes what the cmdlet opened.</summary>
    /// <param name="disposing">True from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Off this thread: a host's synchronization context must not be waited on by its own thread.
            Task.Run(async () => await CloseAsync()).GetAwaiter().GetResult();
            _stop.Dispose();
        }
    }

    private void Guard(Action prepare)
    {
        try
        {
            prepare();
        }
        catch (PgClusterException e)
        {
            ThrowTerminatingError(ErrorTable.ToRecord(e));
        }
        catch (PgCmdletException e)
        {
            ThrowTerminatingError(e.Record);
        }
    }

    private void Run(Func<CmdletPipeline, CancellationToken, Task> work)
    {
        if (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }

        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var pipeline = new CmdletPipeline(this, cancel);
        var worker = Task.Run(
            async () =>
            {
                CmdletPipeline.Current = pipeline;
                try
                {
                    await work(pipeline, cancel.Token);
                }
                finally
                {
                    pipeline.Complete();
                }
            },
            CancellationToken.None);

        var thrown = pipeline.Pump();
        ErrorRecord? failure = null;
        try
        {
            worker.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Ours: the cmdlet was stopped. Any other one is a timeout, and an error.
        }
#pragma warning disable CA1031 // Whatever the work threw becomes the cmdlet's error, or it would reach the user as a defect of PowerShell.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = ErrorTable.ToRecord(e);
        }

        // The very exception that PowerShell threw at us: by its identity the engine knows which pipeline it was meant to end.
        thrown?.Throw();
        if (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }

        if (failure is not null)
        {
            ThrowTerminatingError(failure);
        }
    }
}
