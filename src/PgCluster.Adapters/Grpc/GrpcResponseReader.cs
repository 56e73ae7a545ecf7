using System.Net;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>The client's view of one response: its messages, then its status.</summary>
internal sealed class GrpcResponseReader<T> : IDisposable
    where T : IMessage<T>, new()
{
    private readonly HttpResponseMessage _response;
    private readonly GrpcMessageReader<T> _messages;
    private bool _ended;

    private GrpcResponseReader(HttpResponseMessage response, GrpcMessageReader<T> messages)
    {
        _response = response;
        _messages = messages;
    }

    /// <summary>The message that the last successful <see cref="MoveNextAsync"/> read.</summary>
    internal T Current => _messages.Current;

    /// <summary>Looks at the headers of a response and opens its messages. On an error the response is disposed.</summary>
    /// <exception cref="GrpcException">The status of a response that has no messages, or of one that is no gRPC.</exception>
    internal static async ValueTask<GrpcResponseReader<T>> OpenAsync(
        HttpResponseMessage response, int maxMessageSize, CancellationToken cancellationToken)
    {
        try
        {
            // A response that is nothing but trailers has them where headers are.
            if (GrpcStatus.Read(response.Headers, out bool stated) is { } failure)
            {
                throw failure;
            }

            string? contentType = GrpcMetadata.Find(response.Content.Headers, "content-type");
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new GrpcException(GrpcStatus.FromHttp(response.StatusCode), $"The peer answered HTTP {(int)response.StatusCode}.");
            }

            if (!GrpcMetadata.IsGrpc(contentType))
            {
                throw new GrpcException(GrpcStatusCode.Unknown, $"The peer answered with content type '{contentType}', which is no gRPC.");
            }

            Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            string? encoding = GrpcMetadata.Find(response.Headers, GrpcMetadata.Encoding);
            return new GrpcResponseReader<T>(response, new GrpcMessageReader<T>(body, maxMessageSize, encoding)) { _ended = stated };
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next message into <see cref="Current"/>; false when the call ended with Ok.</summary>
    /// <exception cref="GrpcException">The status the call ended with.</exception>
    internal async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        if (_ended)
        {
            return false;
        }

        if (await ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            return true;
        }

        GrpcException? failure = GrpcStatus.Read(_response.TrailingHeaders, out bool stated);
        if (failure is null && stated)
        {
            _ended = true;
            return false;
        }

        throw failure ?? new GrpcException(GrpcStatusCode.Internal, "The peer ended the call without a status.");
    }

    private async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _messages.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (GrpcException)
        {
            // A server that stops inside a message and then says why is to be believed.
            if (GrpcStatus.Read(_response.TrailingHeaders, out _) is { } failure)
            {
                throw failure;
            }

            throw;
        }
    }

    /// <summary>Ends the call: a stream that was not read to its end is reset.</summary>
    public void Dispose()
    {
        _response.Dispose();
        _messages.Dispose();
    }
}
