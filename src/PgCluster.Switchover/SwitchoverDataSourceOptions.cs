using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Switchover;

namespace PgCluster.Switchover;

/// <summary>What a <see cref="SwitchoverDataSource"/> is built from.</summary>
public sealed record SwitchoverDataSourceOptions
{
    /// <summary>
    /// The database in charge now, with whatever the application configures of Npgsql. application_name is set by the data source; Enlist is turned off.
    /// </summary>
    public required NpgsqlDataSourceBuilder Current { get; init; }

    /// <summary>The database to move to; null for an application that is to stay: it is refused once the current one is not in charge.</summary>
    public NpgsqlDataSourceBuilder? Next { get; init; }

    /// <summary>The application's version, shown by the server with every connection: visible ASCII characters without blanks, cut to 24.</summary>
    public required string Version { get; init; }

    /// <summary>The first word of application_name; participants of one switchover use the same.</summary>
    public string Product { get; init; } = ConnectionTag.DefaultProduct;

    /// <summary>The id of this process as a participant.</summary>
    public Guid Id { get; init; } = Guid.NewGuid();

    /// <summary>Limits, the same for all participants.</summary>
    public SwitchoverLimits Limits { get; init; } = new();

    /// <summary>Clock of all limits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where moves are logged.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Options from two addresses.</summary>
    /// <param name="current">A connection string of Npgsql, or a libpq URI.</param>
    /// <param name="next">Likewise; null for none.</param>
    /// <param name="version">The application's version.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: an address that cannot be read; it is not repeated.</exception>
    public static SwitchoverDataSourceOptions For(string current, string? next, string version) => new()
    {
        Current = Builder(current, nameof(current)),
        Next = next is null ? null : Builder(next, nameof(next)),
        Version = version,
    };

    private static NpgsqlDataSourceBuilder Builder(string address, string name)
    {
        if (address.StartsWith("postgres://", StringComparison.Ordinal) || address.StartsWith("postgresql://", StringComparison.Ordinal))
        {
            return new NpgsqlDataSourceBuilder(LibpqUri.Parse(address).ToConnectionString().ConnectionString);
        }

        try
        {
            return new NpgsqlDataSourceBuilder(address);
        }
        catch (ArgumentException)
        {
            // The cause would show the text, which may hold a password.
            throw new PgClusterException(Reason.InvalidArgument, $"The {name} database's address is neither a connection string of Npgsql nor a libpq URI.");
        }
    }
}
