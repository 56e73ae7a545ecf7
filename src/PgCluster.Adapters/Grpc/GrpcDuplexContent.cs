using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>A request whose messages are written while the response is read.</summary>
internal sealed class GrpcDuplexContent : HttpContent
{
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Stream? _stream;
    private volatile bool _written;

    internal GrpcDuplexContent() => Headers.ContentType = new MediaTypeHeaderValue(GrpcMetadata.ContentType);

    /// <summary>Completes when the request's headers are on their way.</summary>
    internal Task Started => _started.Task;

    /// <summary>Sends one message at once. One at a time.</summary>
    internal async ValueTask WriteAsync(IMessage message, CancellationToken cancellationToken)
    {
        if (_completed.Task.IsCompleted)
        {
            throw new IOException("The call has ended.");
        }

        _written = true;
        Stream stream = _stream!;
        await GrpcFrame.WriteAsync(stream, message, cancellationToken).ConfigureAwait(false);
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the request: nothing follows.</summary>
    internal void Complete() => _completed.TrySetResult();

    /// <summary>Breaks the request off.</summary>
    internal void Abort() => _completed.TrySetCanceled(CancellationToken.None);

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The handler asks again when the peer refused the first connection's stream; what was written there cannot be said twice.
        if (_written)
        {
            throw new GrpcException(GrpcStatusCode.Unavailable, "The peer refused the call after part of it was sent.");
        }

        _stream = stream;

        // Without this the headers wait for the first message, and a server that speaks first waits with them.
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        _started.TrySetResult();
        await _completed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = -1;
        return false;
    }
}
