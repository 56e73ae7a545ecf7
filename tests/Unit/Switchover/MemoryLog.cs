using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>The log in memory, with a line that can be cut.</summary>
internal sealed class MemoryLog : ISwitchoverLog, ISwitchoverControl
{
    private readonly Lock _sync = new();
    private readonly List<SwitchoverMessage> _messages = [];
    private TaskCompletionSource _more = New();
    private long _readTo;

    public bool IsCut { get; set; }

    public SwitchoverPointer Pointer { get; set; }

    public IReadOnlyList<SwitchoverMessage> Messages
    {
        get
        {
            lock (_sync)
            {
                return [.. _messages];
            }
        }
    }

    public Task<long> GetLastPositionAsync(CancellationToken cancellationToken) => Task.FromResult((long)Messages.Count);

    public Task<long> GetLastResetAsync(CancellationToken cancellationToken) =>
        Task.FromResult(Messages.LastOrDefault(message => message.Type == SwitchoverMessageType.Reset)?.Position ?? 0);

    public Task AppendAsync(SwitchoverMessage message, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            ThrowIfCut();
            _messages.Add(message with { Position = _messages.Count + 1 });
            _more.SetResult();
            _more = New();
        }

        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<SwitchoverMessage>> ReadAsync(long after, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            ThrowIfCut();
            _readTo = after;
            return Task.FromResult<IReadOnlyList<SwitchoverMessage>>([.. _messages.Skip((int)after)]);
        }
    }

    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            ThrowIfCut();

            // What was appended since the read is not waited for.
            return _messages.Count > _readTo ? Task.CompletedTask : _more.Task.WaitAsync(cancellationToken);
        }
    }

    public Task<SwitchoverPointer> ReadPointerAsync(CancellationToken cancellationToken) => Task.FromResult(Pointer);

    public Task EndRunAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void ThrowIfCut()
    {
        if (IsCut)
        {
            throw new PgClusterException(Reason.PostgresUnavailable, "cut");
        }
    }
}
