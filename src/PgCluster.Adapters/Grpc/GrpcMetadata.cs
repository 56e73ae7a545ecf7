using System.Buffers;
using System.Net.Http.Headers;

namespace PgCluster.Adapters.Grpc;

/// <summary>Which headers and trailers are metadata, and whether they may be sent.</summary>
internal static class GrpcMetadata
{
    /// <summary>The trailer with the status code.</summary>
    internal const string Status = "grpc-status";

    /// <summary>The trailer with the status message.</summary>
    internal const string Message = "grpc-message";

    /// <summary>The trailer with the details of a status, a serialized google.rpc.Status in base64.</summary>
    internal const string StatusDetails = "grpc-status-details-bin";

    /// <summary>The header that names how messages are compressed.</summary>
    internal const string Encoding = "grpc-encoding";

    /// <summary>The header that names how messages may be compressed.</summary>
    internal const string AcceptEncoding = "grpc-accept-encoding";

    /// <summary>The media type of every gRPC request and response.</summary>
    internal const string ContentType = "application/grpc";

    private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>True for <c>application/grpc</c> with or without a suffix or parameters.</summary>
    internal static bool IsGrpc(string? contentType) =>
        contentType is not null
        && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';' or ' ');

    /// <summary>Refuses a key or value that would break the request or take the protocol's own names.</summary>
    /// <exception cref="ArgumentException">The key or the value cannot be sent; the value is not repeated, it may be a token.</exception>
    internal static void Check(KeyValuePair<string, string> entry)
    {
        if (!IsKey(entry.Key))
        {
            throw new ArgumentException($"'{entry.Key}' cannot be a metadata key.");
        }

        if (!IsValue(entry.Value))
        {
            throw new ArgumentException($"The value of metadata key '{entry.Key}' is not printable ASCII.");
        }
    }

    /// <summary>Whether an entry may go out in trailers: metadata, or the details that belong to a status.</summary>
    internal static bool MayTrail(KeyValuePair<string, string> entry) =>
        (entry.Key == StatusDetails || IsKey(entry.Key)) && IsValue(entry.Value);

    /// <summary>The first value of a header or trailer; null when it is not there.</summary>
    internal static string? Find(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) && values.Count > 0 ? First(values) : null;

    /// <summary>Every trailer that is not the status itself, keys in lower case.</summary>
    internal static IReadOnlyList<KeyValuePair<string, string>> Collect(HttpHeaders headers)
    {
        var entries = new List<KeyValuePair<string, string>>();
        foreach (KeyValuePair<string, HeaderStringValues> header in headers.NonValidated)
        {
#pragma warning disable CA1308 // Metadata keys are lower case on the wire.
            string key = header.Key.ToLowerInvariant();
#pragma warning restore CA1308
            if (key is "date" or "server" || (!IsKey(key) && key != StatusDetails))
            {
                continue;
            }

            foreach (string value in header.Value)
            {
                entries.Add(new(key, value));
            }
        }

        return entries;
    }

    private static bool IsKey(string? key) =>
        !string.IsNullOrEmpty(key) && !key.AsSpan().ContainsAnyExcept(KeyCharacters) && !key.StartsWith("grpc-", StringComparison.Ordinal);

    private static bool IsValue(string? value) => value is not null && !value.AsSpan().ContainsAnyExceptInRange(' ', '~');

    private static string? First(HeaderStringValues values)
    {
        foreach (string value in values)
        {
            return value;
        }

        return null;
    }
}
