namespace PgCluster.Engine.Pacemaker;

/// <summary>Where a resource has to be, or must not be.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Resource">What it is about.</param>
public sealed record CibConstraint(string Id, string Resource);
