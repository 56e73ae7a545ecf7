using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace PgCluster.Adapters.Grpc;

/// <summary>How a response's headers and trailers, and HTTP/2's own errors, become a status.</summary>
internal static class GrpcStatus
{
    /// <summary>The error that headers or trailers state; null when they state Ok, or state nothing.</summary>
    /// <param name="headers">The trailers, or the headers of a response that has nothing else.</param>
    /// <param name="stated">Whether there was a status at all.</param>
    internal static GrpcException? Read(HttpHeaders headers, out bool stated)
    {
        string? text = GrpcMetadata.Find(headers, GrpcMetadata.Status);
        stated = text is not null;
        if (text is null or "0")
        {
            return null;
        }

        string detail = GrpcMetadata.Find(headers, GrpcMetadata.Message) is { } message ? GrpcMessageText.Decode(message) : "";
        GrpcStatusCode code = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && Enum.IsDefined((GrpcStatusCode)number) ? (GrpcStatusCode)number : GrpcStatusCode.Unknown;
        return code == GrpcStatusCode.Ok ? null : new GrpcException(code, detail) { Trailers = GrpcMetadata.Collect(headers) };
    }

    /// <summary>The status for an HTTP answer that is no gRPC answer.</summary>
    internal static GrpcStatusCode FromHttp(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest => GrpcStatusCode.Internal,
        HttpStatusCode.Unauthorized => GrpcStatusCode.Unauthenticated,
        HttpStatusCode.Forbidden => GrpcStatusCode.PermissionDenied,
        HttpStatusCode.NotFound => GrpcStatusCode.Unimplemented,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
            => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    /// <summary>The status for an HTTP/2 error code a stream was reset with.</summary>
    internal static GrpcStatusCode FromHttp2(long errorCode) => errorCode switch
    {
        // PROTOCOL_ERROR would be Internal, but HttpClient gives the same code to a ping that got no answer, and a dead peer is Unavailable.
        0x1 => GrpcStatusCode.Unavailable,
        0x5 => GrpcStatusCode.Unknown, // STREAM_CLOSED
        0x7 => GrpcStatusCode.Unavailable, // REFUSED_STREAM
        0x8 => GrpcStatusCode.Cancelled, // CANCEL
        0xb => GrpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => GrpcStatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => GrpcStatusCode.Internal,
    };
}
