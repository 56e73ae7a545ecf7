using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>A leader's work that a test completes.</summary>
internal sealed class FakeExecutor : ISwitchoverExecutor
{
    public TaskCompletionSource Sync { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Exec { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource ExecStarted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource ExecCancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task SyncAsync(IProgress<string> status, CancellationToken cancellationToken)
    {
        status.Report("sync public.t: 1/2");
        return Sync.Task.WaitAsync(cancellationToken);
    }

    public async Task ExecAsync(IProgress<string> status, CancellationToken cancellationToken)
    {
        ExecStarted.SetResult();
        try
        {
            await Exec.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            ExecCancelled.SetResult();
            throw;
        }
    }
}
