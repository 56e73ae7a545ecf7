namespace PgCluster;

/// <summary>A pause that ends by itself. Its id is the token: only who has it may end it early.</summary>
public sealed record PauseLease
{
    /// <summary>The token.</summary>
    public required string Id { get; init; }

    /// <summary>The pooler it holds.</summary>
    public required string Pooler { get; init; }

    /// <summary>Who asked, in words.</summary>
    public string Holder { get; init; } = "";

    /// <summary>When the pause was asked for, by the keeper's clock.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the keeper resumes whatever happens, by its clock.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}
