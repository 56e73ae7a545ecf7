namespace PgCluster.Playground.Hosts;

/// <summary>What a host has in the place of a file or directory of this machine.</summary>
/// <param name="Source">The host's own; a directory that is missing is made, with the owner and the permissions of the one whose place it takes.</param>
/// <param name="Target">The place: there has to be such a file or directory on this machine.</param>
internal sealed record HostMount(string Source, string Target);
