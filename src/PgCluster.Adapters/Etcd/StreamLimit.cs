namespace PgCluster.Adapters.Etcd;

/// <summary>What may end one stream: its owner, silence where an answer was due, or somebody who saw its member die.</summary>
internal sealed class StreamLimit : IDisposable
{
    private readonly CancellationTokenSource _own;
    private readonly CancellationTokenSource _any;

    public StreamLimit(TimeSpan patience, TimeProvider time, CancellationToken owner)
    {
        _own = new CancellationTokenSource(patience, time);
        _any = CancellationTokenSource.CreateLinkedTokenSource(_own.Token, owner);
    }

    /// <summary>Cancelled when the stream has to end.</summary>
    public CancellationToken Token => _any.Token;

    /// <summary>From now on an answer is due within that time.</summary>
    public void Expect(TimeSpan patience) => _own.CancelAfter(patience);

    /// <summary>No answer is due now.</summary>
    public void ExpectNothing() => _own.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Ends the stream.</summary>
    public void End() => _own.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        _any.Dispose();
        _own.Dispose();
    }
}
