using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace PgCluster.Bench.Observation;

/// <summary>
/// HTTP/2 requests with gRPC's bytes in them and none of its rules: no deadline, no status, no cancellation that reaches the server, no message types.
/// The floor that the gRPC layer is compared with.
/// </summary>
internal sealed class RawHttp2 : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });

    /// <summary>A message with its five bytes before it.</summary>
    public static byte[] Frame(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }

    /// <summary>Sends one frame and returns the bytes of the answer.</summary>
    public async Task<byte[]> AskAsync(Uri address, byte[] frame, CancellationToken cancellationToken)
    {
        using var response = await _client.SendAsync(Request(address, new ByteArrayContent(frame)), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    /// <summary>Sends one frame, leaves the request open, and tells of each frame of the answer until cancelled.</summary>
    public async Task StreamAsync(Uri address, byte[] frame, Action<ReadOnlyMemory<byte>> onFrame, CancellationToken cancellationToken)
    {
        using var response = await _client.SendAsync(Request(address, new OpenContent(frame, cancellationToken)), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[64 * 1024];
        while (true)
        {
            await stream.ReadExactlyAsync(buffer.AsMemory(0, 5), cancellationToken);
            var message = buffer.AsMemory(0, BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(1)));
            await stream.ReadExactlyAsync(message, cancellationToken);
            onFrame(message);
        }
    }

    public void Dispose() => _client.Dispose();

    private static HttpRequestMessage Request(Uri address, HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content };
        request.Headers.TE.ParseAdd("trailers");
        return request;
    }

    /// <summary>A body that does not end.</summary>
    private sealed class OpenContent(byte[] first, CancellationToken over) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(first, over);
            await stream.FlushAsync(over);
            await Task.Delay(Timeout.Infinite, over);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
