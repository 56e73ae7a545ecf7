using System.Text;

namespace PgCluster;

/// <summary>How a write gap is measured: where the writers connect, and how they write.</summary>
public sealed record WriteGapOptions
{
    /// <summary>
    /// libpq URI of the clients' route, postgresql://user@host:port/database?sslmode=disable: the pooler, as a rule. A password in it is used and never
    /// shown; without one PGPASSWORD and the password file apply, as with every libpq client.
    /// </summary>
    public required string Uri { get; init; }

    /// <summary>Writers at the same time, each on its own connection: 1 to 1000.</summary>
    public int Writers { get; init; } = 16;

    /// <summary>How long a writer rests between an acknowledgement and its next commit: up to a minute. Counts into the gap.</summary>
    public TimeSpan PauseBetweenCommits { get; init; }

    /// <summary>How long one commit may take before its writer gives up on it: whole seconds, 1 to 3600.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one attempt to connect may take: whole seconds, 1 to 600.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long stopping waits for the commits in flight; more than zero, at most an hour.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long reading the table back may take, attempts again included; more than zero, at most an hour.</summary>
    public TimeSpan VerifyTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Schema of the run's table, which must exist; null for the first one of the user's search_path.</summary>
    public string? Schema { get; init; }

    /// <summary>Everything but the URI, which may hold a password.</summary>
    private bool PrintMembers(StringBuilder builder)
    {
        builder.Append("Writers = ").Append(Writers)
            .Append(", PauseBetweenCommits = ").Append(PauseBetweenCommits)
            .Append(", StatementTimeout = ").Append(StatementTimeout)
            .Append(", ConnectTimeout = ").Append(ConnectTimeout)
            .Append(", DrainTimeout = ").Append(DrainTimeout)
            .Append(", VerifyTimeout = ").Append(VerifyTimeout)
            .Append(", Schema = ").Append(Schema);
        return true;
    }
}
