using System.Globalization;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pooling;

/// <summary>Where a pooler is to lead.</summary>
/// <param name="Address">The server.</param>
/// <param name="Database">The server's database for the template; null for the configured one.</param>
/// <param name="InsteadOf">A database of the server that it must not lead to any more; null for none.</param>
public sealed record PoolerTarget(PrimaryAddress Address, string? Database = null, string? InsteadOf = null)
{
    /// <summary>host:port, with the database where it is not the configured one.</summary>
    public override string ToString() => Address.ToHostAndPort() + (Database is null ? "" : "/" + Database);

    /// <summary>What a pooler says that does not lead there, joined by commas; empty when it leads there.</summary>
    public string StraysAmong(IReadOnlyList<PoolerDatabase> databases) => string.Join(
        ", ",
        databases
            .Where(database => !database.IsConsole
                && (database.Port != Address.Port
                    || !string.Equals(database.Host, Address.Host, StringComparison.OrdinalIgnoreCase)
                    || database.Database == InsteadOf))
            .Select(database => string.Create(CultureInfo.InvariantCulture, $"{database.Name} at {database.Host}:{database.Port}/{database.Database}")));
}
