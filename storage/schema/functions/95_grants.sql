-- What another role may be given: the views alone, or the functions without the
-- tables.
--
-- The public functions run with the rights of the schema's owner; whoever may
-- call them needs none on the tables.  Nobody but the owner may by default.
-- They write the schema before every name, and have the search path of the
-- lanes' sessions, so that plans are shared.

CREATE OR REPLACE FUNCTION respgres.public_functions()
RETURNS SETOF regprocedure
LANGUAGE sql STABLE AS $$
    SELECT p.oid::regprocedure
      FROM pg_proc p
     WHERE p.pronamespace = (SELECT o.pronamespace FROM pg_proc o
                              WHERE o.oid = 'respgres.now_ms'::regproc)
       AND p.proname = ANY ('{
               get,set,getdel,getex,incrby,incrbyfloat,append,setrange,msetnx,
               setbit,getbit,bitcount,bitop,bitfield,pfadd,pfcount,pfmerge,
               del,expire,rename,copy,move,flush,swapdb,random_key,
               keyspace_counts,memory_usage,sort,sort_store,
               hset,hget,hmget,hdel,hgetall,hincrby,hincrbyfloat,hexists,hlen,
               hkeys,hvals,hsetnx,hexpire,hpersist,httl,
               lpush,rpush,lpop,rpop,llen,lrange,lindex,lset,lrem,linsert,
               ltrim,lmove,
               sadd,srem,sismember,smembers,scard,spop,smove,sinter,sunion,
               sdiff,srandmember,
               zadd,zincrby,zrem,zscore,zrank,zrange,zrangebyscore,
               zpopmin,zpopmax,zcard,zcount,zunionstore,zinterstore,
               zdiffstore,
               geoadd,geodist,geopos,geosearch,
               xadd,xlen,xrange,xdel,xtrim,xreadgroup,xack,
               publish,
               xgroup_create,xgroup_setid,xgroup_destroy,xclaim,xautoclaim,
               session_create,session_get,session_by_token,session_exists,
               session_set,session_unset,session_delete,session_rotate,
               session_extend,session_touch,session_list,session_count,
               session_bulk_delete,session_cleanup,session_analytics,
               session_events,
               tag_set,tag_add,tag_remove,tag_of,tag_get,tag_count,tag_list,
               tag_invalidate,tag_touch,tag_lease,tag_info,tag_top,
               tag_rows_changed,
               snapshot_create,snapshot_create_keys,snapshot_get,
               snapshot_keys,snapshot_restore_keys,snapshot_list,snapshot_tree,
               snapshot_search,snapshot_stats,snapshot_growth,snapshot_diff,
               snapshot_delete,snapshot_pin,snapshot_cleanup,
               snapshot_policy_set,snapshot_fork,snapshot_export,
               snapshot_import,json_patch
           }'::text[])
$$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT * FROM respgres.public_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER '
                       'SET search_path = pg_catalog', f);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END
$$;

-- Lets a role read the views, and nothing else.
CREATE OR REPLACE FUNCTION respgres.grant_views(role regrole) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v regclass;
BEGIN
    FOR v IN SELECT c.oid::regclass
               FROM pg_class c
              WHERE c.relkind = 'v'
                AND c.relnamespace = (SELECT o.relnamespace FROM pg_class o
                                       WHERE o.oid = 'respgres.key'::regclass)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s; '
                       'GRANT SELECT ON %s TO %s',
                       (SELECT c.relnamespace::regnamespace FROM pg_class c
                         WHERE c.oid = v), role, v, role);
    END LOOP;
END
$$;

-- Lets a role call the public functions, without rights on any table.
CREATE OR REPLACE FUNCTION respgres.grant_functions(role regrole)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT * FROM respgres.public_functions() LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s; '
                       'GRANT EXECUTE ON FUNCTION %s TO %s',
                       (SELECT p.pronamespace::regnamespace FROM pg_proc p
                         WHERE p.oid = f), role, f, role);
    END LOOP;
END
$$;
