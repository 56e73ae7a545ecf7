namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>A load that takes all there is of two cores: nothing else runs beside it.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class UpgradeLoadGroup
{
    public const string Name = "upgrade under load";
}
