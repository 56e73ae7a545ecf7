namespace PgCluster.Engine.Configuration;

/// <summary>How to reach etcd, and what the keys are called.</summary>
public sealed record EtcdConfig
{
    /// <summary>Base addresses of the members, http or https, without a slash at the end.</summary>
    public ConfigList<string> Endpoints { get; init; } = ["http://127.0.0.1:2379"];

    /// <summary>
    /// Prefix of every key, without a slash at the end; empty for none. What is loaded without one gets <see cref="DefaultNamespace"/>.
    /// </summary>
    public string Namespace { get; init; } = "";

    /// <summary>User name; empty when etcd asks for none.</summary>
    public string User { get; init; } = "";

    /// <summary>File with the user's password; empty when there is no user.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>PEM file with the CA of etcd's certificates; empty for the machine's own.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>PEM file with the client's certificate; empty for none.</summary>
    public string CertFile { get; init; } = "";

    /// <summary>PEM file with the key of <see cref="CertFile"/>.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>Budget of one request.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Budget of one connection attempt.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Silence after which a connection is probed.</summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the answer to a probe may take before the connection is given up.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Key of the primary's address, below <see cref="Namespace"/>; begins with a slash.</summary>
    public string PrimaryKey { get; init; } = "/master";

    /// <summary>The prefix of a cluster whose configuration names none.</summary>
    /// <param name="cluster">The cluster's name.</param>
    public static string DefaultNamespace(string cluster) => "/pgcluster/" + cluster;
}
