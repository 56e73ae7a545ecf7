using System.Globalization;
using Microsoft.AspNetCore.Http;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>How a status gets into an HTTP/2 response.</summary>
internal static class GrpcServerResponse
{
    private static readonly GrpcException HandlerFailed = new(GrpcStatusCode.Unknown, "The server failed to handle the call.");

    /// <summary>The error a client is told of when a handler ended with this exception.</summary>
    internal static GrpcException ToStatus(Exception failure) => failure switch
    {
        GrpcException named => named,
        PgClusterException reasoned => new GrpcException(GrpcReason.ToStatusCode(reasoned.Reason), reasoned.Message)
        {
            Trailers = [new(GrpcReason.TrailerName, reasoned.Reason.ToString())],
        },
        // What else went wrong here is for the log: its text may hold what a client must not see.
        _ => HandlerFailed,
    };

    /// <summary>A response that is an error and nothing else: the status is in the headers.</summary>
    internal static void WriteTrailersOnly(HttpResponse response, GrpcException status)
    {
        response.ContentType = GrpcMetadata.ContentType;
        WriteStatus(status, (name, value) => response.Headers.Append(name, value));
    }

    /// <summary>The end of a response that has begun.</summary>
    internal static void WriteTrailers(HttpResponse response, GrpcException? status) =>
        WriteStatus(status, (name, value) => response.AppendTrailer(name, value));

    private static void WriteStatus(GrpcException? status, Action<string, string> write)
    {
        if (status is null)
        {
            write(GrpcMetadata.Status, "0");
            return;
        }

        write(GrpcMetadata.Status, ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture));
        if (status.Detail.Length > 0)
        {
            write(GrpcMetadata.Message, GrpcMessageText.Encode(status.Detail));
        }

        foreach (KeyValuePair<string, string> trailer in status.Trailers)
        {
            // A status that came from another server is passed on; what cannot be a trailer must not cost the client the status.
            if (GrpcMetadata.MayTrail(trailer))
            {
                write(trailer.Key, trailer.Value);
            }
        }
    }
}
