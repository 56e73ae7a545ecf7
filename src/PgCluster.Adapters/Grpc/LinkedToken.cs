namespace PgCluster.Adapters.Grpc;

/// <summary>Two tokens as one, without a source where one of them can never fire.</summary>
internal readonly struct LinkedToken : IDisposable
{
    private readonly CancellationTokenSource? _source;

    internal LinkedToken(CancellationToken one, CancellationToken other)
    {
        _source = other.CanBeCanceled && other != one ? CancellationTokenSource.CreateLinkedTokenSource(one, other) : null;
        Token = _source?.Token ?? one;
    }

    internal CancellationToken Token { get; }

    /// <inheritdoc/>
    public void Dispose() => _source?.Dispose();
}
