namespace PgCluster.Engine.Configuration;

/// <summary>
/// Mutual TLS between agents, proxies, cmdlets and the command line: all three files, or none and then plain text on loopback only.
/// </summary>
public sealed record TlsConfig
{
    /// <summary>PEM file with the CA that signs both sides.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>PEM file with this process's certificate.</summary>
    public string CertFile { get; init; } = "";

    /// <summary>PEM file with the key of <see cref="CertFile"/>.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>True when the three files are given: then listeners and calls use mutual TLS, and nothing goes without.</summary>
    public bool Enabled => CaFile.Length > 0;
}
