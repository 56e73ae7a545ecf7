namespace PgCluster.Tests.Integration.Roles;

/// <summary>Clusters of so many nodes that nothing else runs beside them: each of their starts takes all there is of two cores for half a minute.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class ManyNodesGroup
{
    public const string Name = "many nodes";
}
