using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>A request of exactly one message.</summary>
internal sealed class GrpcUnaryContent : HttpContent
{
    private readonly IMessage _message;

    internal GrpcUnaryContent(IMessage message)
    {
        _message = message;
        Headers.ContentType = new MediaTypeHeaderValue(GrpcMetadata.ContentType);
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        GrpcFrame.WriteAsync(stream, _message, cancellationToken).AsTask();

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = -1;
        return false;
    }
}
