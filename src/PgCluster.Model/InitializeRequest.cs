namespace PgCluster;

/// <summary>The wish to take a streaming cluster under management, or to make a new one.</summary>
public sealed record InitializeRequest
{
    /// <summary>True to make a cluster where there is none; false to take one that streams under management.</summary>
    public bool New { get; init; }

    /// <summary>Of a new cluster: the node whose server is made first and leads; empty for the one of the highest weight.</summary>
    public string Primary { get; init; } = "";

    /// <summary>Of a new cluster: its locale, as initdb takes it. The default sorts by code point, which is the same on every host and in every version of its library.</summary>
    public string Locale { get; init; } = "C.UTF-8";

    /// <summary>Of a new cluster: its encoding, as initdb takes it.</summary>
    public string Encoding { get; init; } = "UTF8";

    /// <summary>Of a new cluster: how long initdb may take, and then the copies until they stream.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
