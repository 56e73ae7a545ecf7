using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>The structure of a document: headers, keys, arrays, inline tables. Reads one document, once.</summary>
sealed class TomlParser(TomlScanner scanner)
{
    readonly TomlTable _root = new(new(1, 1), TomlTableKind.Header, owner: null, depth: 0);

    public ConfigValue.Table ReadDocument()
    {
        var current = _root;
        while (true)
        {
            scanner.SkipBlanksAndComment();
            if (scanner.Peek() == TomlScanner.End)
            {
                return _root.Freeze();
            }

            if (scanner.TakeLineEnd())
            {
                continue;
            }

            var what = "the value";
            if (scanner.Peek() == '[')
            {
                current = ReadHeader();
                what = "the header";
            }
            else
            {
                ReadKeyValue(current);
            }

            scanner.SkipBlanksAndComment();
            if (scanner.Peek() != TomlScanner.End && !scanner.TakeLineEnd())
            {
                throw scanner.Error($"{scanner.Found} after {what}", "the end of the line or a comment");
            }
        }
    }

    TomlTable ReadHeader()
    {
        var position = scanner.Position;
        scanner.Take();
        // The brackets of an array of tables touch each other: "[ [" would be a key that begins with a bracket.
        var isArray = scanner.TakeIf('[');
        var path = ReadKey("]");
        if (!scanner.TakeIf(']') || (isArray && !scanner.TakeIf(']')))
        {
            throw scanner.Error($"{scanner.Found} in a header", isArray ? "]]" : "]");
        }

        var parent = _root;
        foreach (var key in path.SkipLast(1))
        {
            parent = parent.Find(key.Name) switch
            {
                null => parent.Add(key, NewTable(key.Position, TomlTableKind.Implicit, owner: null, parent.Depth)),
                TomlTable table => table,
                TomlTableArray array => array.Items[^1],
                _ => throw AlreadyThere(parent, key, "cannot hold a table", "a table or an array of tables"),
            };
        }

        var last = path[^1];
        return isArray ? AddElement(parent, last, position) : OpenTable(parent, last, position);
    }

    TomlTable OpenTable(TomlTable parent, TomlKey key, SourcePosition position)
    {
        switch (parent.Find(key.Name))
        {
            case null:
                return parent.Add(key, NewTable(position, TomlTableKind.Header, owner: null, parent.Depth));
            case TomlTable { Kind: TomlTableKind.Implicit } table:
                table.TakeHeader(position);
                return table;
            case TomlTableArray:
                throw AlreadyThere(parent, key, "is an array of tables", $"[[{key.Name}]]");
            default:
                throw AlreadyThere(parent, key, "is defined twice", "one definition of each table");
        }
    }

    TomlTable AddElement(TomlTable parent, TomlKey key, SourcePosition position)
    {
        var array = parent.Find(key.Name) switch
        {
            null => parent.Add(key, new TomlTableArray(position)),
            TomlTableArray existing => existing,
            _ => throw AlreadyThere(parent, key, "is no array of tables", "a name that is not taken"),
        };

        // The array is a level of its own.
        var element = NewTable(position, TomlTableKind.Header, owner: null, parent.Depth + 1);
        array.Items.Add(element);
        return element;
    }

    void ReadKeyValue(TomlTable table)
    {
        var path = ReadKey("=");
        if (!scanner.TakeIf('='))
        {
            throw scanner.Error($"{scanner.Found} after a key", "=");
        }

        var target = table;
        foreach (var key in path.SkipLast(1))
        {
            target = target.Find(key.Name) switch
            {
                null => target.Add(key, NewTable(key.Position, TomlTableKind.Dotted, owner: table, target.Depth)),
                // Another header's table: adding to it from here would define it in two places.
                TomlTable { Kind: TomlTableKind.Dotted } dotted when dotted.Owner == table => dotted,
                _ => throw AlreadyThere(target, key, "cannot be added to here", "each table to be written in one place"),
            };
        }

        var last = path[^1];
        if (target.Find(last.Name) is not null)
        {
            throw AlreadyThere(target, last, "is defined twice", "one definition of each key");
        }

        scanner.SkipBlanks();
        target.Add(last, new TomlLeaf(ReadValue(target.Depth)));
    }

    PgClusterException AlreadyThere(TomlTable table, TomlKey key, string wrong, string expected)
    {
        var first = table.PositionOf(key.Name);
        var name = TomlText.Quote(key.Name);
        return scanner.Error(key.Position, $"{name} {wrong} (first at line {first.Line}, column {first.Column})", expected);
    }

    TomlTable NewTable(SourcePosition position, TomlTableKind kind, TomlTable? owner, int parentDepth)
    {
        CheckDepth(position, parentDepth + 1);
        return new(position, kind, owner, parentDepth + 1);
    }

    void CheckDepth(SourcePosition position, int depth)
    {
        if (depth > TomlReader.MaximumDepth)
        {
            throw scanner.Error(position, "nested too deeply", $"at most {TomlReader.MaximumDepth} levels");
        }
    }

    List<TomlKey> ReadKey(string before)
    {
        List<TomlKey> parts = [];
        do
        {
            scanner.SkipBlanks();
            var position = scanner.Position;
            parts.Add(new(ReadKeyPart(before), position));
            scanner.SkipBlanks();
        }
        while (scanner.TakeIf('.'));

        return parts;
    }

    string ReadKeyPart(string before)
    {
        if (scanner.Peek() is '"' or '\'')
        {
            return scanner.At("\"\"\"") || scanner.At("'''")
                ? throw scanner.Error("a multi-line string as a key", "a bare key, or one in single or double quotes")
                : TomlStrings.Read(scanner);
        }

        var start = scanner.Index;
        while (scanner.Peek() is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '-' or '_')
        {
            scanner.Take();
        }

        return scanner.Index > start
            ? scanner.From(start).ToString()
            : throw scanner.Error($"{scanner.Found} instead of a key", $"letters, digits, - or _, or a quoted key, then {before}");
    }

    ConfigValue ReadValue(int depth)
    {
        var position = scanner.Position;
        return scanner.Peek() switch
        {
            '"' or '\'' => new ConfigValue.Text(TomlStrings.Read(scanner), position),
            '[' => ReadArray(position, depth + 1),
            '{' => ReadInlineTable(position, depth),
            _ => TomlScalars.Read(scanner),
        };
    }

    ConfigValue.List ReadArray(SourcePosition position, int depth)
    {
        CheckDepth(position, depth);
        scanner.Take();
        List<ConfigValue> items = [];
        while (true)
        {
            SkipLines();
            if (scanner.TakeIf(']'))
            {
                return new(items, position);
            }

            items.Add(ReadValue(depth));
            SkipLines();
            if (!scanner.TakeIf(',') && scanner.Peek() != ']')
            {
                throw scanner.Error($"{scanner.Found} in the array that begins at line {position.Line}", "a comma or ]");
            }
        }
    }

    void SkipLines()
    {
        do
        {
            scanner.SkipBlanksAndComment();
        }
        while (scanner.TakeLineEnd());
    }

    ConfigValue.Table ReadInlineTable(SourcePosition position, int depth)
    {
        var table = NewTable(position, TomlTableKind.Header, owner: null, depth);
        scanner.Take();
        scanner.SkipBlanks();
        if (scanner.TakeIf('}'))
        {
            return table.Freeze();
        }

        do
        {
            // TOML 1.0 has neither line ends nor a comma at the end here: both fail as a key that is not one.
            ReadKeyValue(table);
            scanner.SkipBlanks();
        }
        while (scanner.TakeIf(','));

        return scanner.TakeIf('}')
            ? table.Freeze()
            : throw scanner.Error($"{scanner.Found} in an inline table", "a comma or } on the same line");
    }
}
