using System.Threading.Channels;
using PgCluster.Engine.Pooling;

namespace PgCluster.Tests.Unit.Pooling;

/// <summary>A pooler console that keeps the port's promises and does what a test tells it to.</summary>
internal sealed class FakeConsole : IPoolerConsole
{
    private readonly Channel<string> _calls = Channel.CreateUnbounded<string>();
    private volatile bool _paused;

    public bool Paused => _paused;

    /// <summary>What a pause does before it is reached.</summary>
    public Func<CancellationToken, Task> OnPause { get; set; } = _ => Task.CompletedTask;

    /// <summary>What a resume does before it is done; it may fail.</summary>
    public Func<CancellationToken, Task> OnResume { get; set; } = _ => Task.CompletedTask;

    public Func<CancellationToken, Task> OnReload { get; set; } = _ => Task.CompletedTask;

    public Func<IReadOnlyList<PoolerDatabase>> Databases { get; set; } = () => [];

    public PoolerCounts Counts { get; set; } = new(0, 0, 0, "transaction", "1.18.0");

    public Task PreparePauseAsync(CancellationToken cancellationToken)
    {
        Record("prepare");
        return Task.CompletedTask;
    }

    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        Record("pause");
        try
        {
            await OnPause(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            _paused = true;
        }
        catch (OperationCanceledException exception)
        {
            _paused = false;
            throw new PgClusterException(Reason.PauseTimeout, "server connections were still in use", exception);
        }
    }

    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        Record("resume");
        await OnResume(cancellationToken);
        _paused = false;
        Record("resumed");
    }

    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        await OnReload(cancellationToken);
        Record("reload");
    }

    public Task<IReadOnlyList<PoolerServer>> ShowServersAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<PoolerServer>>([]);

    public Task KillAsync(IReadOnlyCollection<string> databases, CancellationToken cancellationToken)
    {
        Record("kill " + string.Join(",", databases));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<PoolerDatabase>> ShowDatabasesAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Databases());
    }

    public Task<PoolerCounts> GetCountsAsync(CancellationToken cancellationToken) => Task.FromResult(Counts);

    public Task DisableAsync(string? database, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task EnableAsync(string? database, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The next call, in order; fails the test when none comes.</summary>
    public Task<string> NextCallAsync() => _calls.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Calls that nobody has asked for.</summary>
    public IReadOnlyList<string> RemainingCalls()
    {
        List<string> calls = [];
        while (_calls.Reader.TryRead(out var call))
        {
            calls.Add(call);
        }

        return calls;
    }

    private void Record(string call) => _calls.Writer.TryWrite(call);
}
