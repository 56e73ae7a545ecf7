namespace PgCluster.Adapters.Postgres;

/// <summary>Where a copy of a server listens, when it has nothing but the server's own configuration to go by.</summary>
internal static class ListenAddresses
{
    /// <summary>listen_addresses of the copy; null when that of the source will do on every host.</summary>
    /// <param name="source">listen_addresses of the source.</param>
    /// <param name="sourceHost">Where the source is reached.</param>
    /// <param name="ownHost">Where the copy is to be reached.</param>
    internal static string? ForCopy(string source, string sourceHost, string ownHost)
    {
        var addresses = source.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (addresses.Any(a => a is "*" or "0.0.0.0" or "::") || (sourceHost == ownHost && addresses.Contains(ownHost, StringComparer.Ordinal)))
        {
            return null;
        }

        // Its other addresses are the source's host's.
        return string.Join(", ", addresses.Where(a => a is "localhost" or "127.0.0.1" or "::1" && a != ownHost).Append(ownHost));
    }
}
