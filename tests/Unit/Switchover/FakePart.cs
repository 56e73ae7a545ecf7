using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>A part of an application whose pause a test completes.</summary>
internal sealed class FakePart : IPausable
{
    public TaskCompletionSource Pause { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource PauseAsked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Resumed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When set, the pause never ends by its token.</summary>
    public bool IsDeaf { get; init; }

    public Exception? ResumeError { get; set; }

    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        PauseAsked.TrySetResult();
        await Pause.Task.WaitAsync(IsDeaf ? CancellationToken.None : cancellationToken);
    }

    public Task ResumeAsync(CancellationToken cancellationToken)
    {
        if (ResumeError is { } error)
        {
            ResumeError = null;
            throw error;
        }

        Resumed.TrySetResult();
        return Task.CompletedTask;
    }
}
