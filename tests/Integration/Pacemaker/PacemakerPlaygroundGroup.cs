namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Tests that make a Pacemaker of their own: alone, because there is only one network for its hosts.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class PacemakerPlaygroundGroup
{
    public const string Name = "Pacemaker playgrounds";
}
