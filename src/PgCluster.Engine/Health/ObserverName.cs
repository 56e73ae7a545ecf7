using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Health;

/// <summary>What an observer without a PostgreSQL may be called.</summary>
public static class ObserverName
{
    /// <summary>Refuses a name that cannot stand in a key, or that an agent votes under already: two that share a key would be one voter.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public static void Check(string name, ClusterConfig config)
    {
        if (name.Length is 0 or > 63 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
        {
            throw new PgClusterException(
                Reason.InvalidArgument, $"'{name}' is no name for an observer: 1 to 63 letters, digits, dots, dashes and underscores") { Target = name };
        }

        if (config.Nodes.Any(n => n.Name == name))
        {
            throw new PgClusterException(
                Reason.InvalidArgument, $"'{name}' is a node: its agent votes under that name; give the observer another") { Target = name };
        }
    }
}
